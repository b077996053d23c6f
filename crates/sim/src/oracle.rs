//! What was appended and what the log answered, kept outside of the simulated machine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logmill_queue::{AppendError, Appended, Class, LogId, Offset, Partition, Position, Topic};

use crate::batch::{Batch, Origin};
use crate::{Checked, Violation};

/// What is known of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was never sent, or refused each time: it must not be stored.
    Absent,
    /// It may be stored.
    Unknown,
    /// It is stored here.
    Stored(Position),
}

/// A batch and its fate.
pub(crate) struct Tracked {
    pub batch: Batch,
    pub writer: u8,
    pub fate: Fate,
    pub in_flight: bool,
}

/// All batches of a run.
pub struct Oracle {
    topic: Topic,
    pub(crate) batches: Vec<Tracked>,
    pub(crate) lines: HashMap<String, (u64, PathBuf)>,
    offsets: HashMap<(LogId, Partition, Offset), u64>,
    violation: Option<Violation>,
}

/// The oracle as the tasks of a life share it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Oracle>>);

impl Shared {
    /// An oracle for batches of `topic`.
    #[must_use]
    pub fn new(topic: Topic) -> Self {
        let (batches, lines, offsets) = (Vec::new(), HashMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Oracle { topic, batches, lines, offsets, violation: None })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Oracle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In the next life nobody repeats what was sent so far: the log may have lost what it knew of it.
    pub fn leave_alone(&self) {
        // A batch in flight is left alone by all writers.
        self.lock().batches.iter_mut().for_each(|tracked| tracked.in_flight = true);
    }

    /// The log was wiped or replaced: as `leave_alone`, and offsets begin anew.
    pub fn log_was_replaced(&self) {
        self.leave_alone();
        self.lock().offsets.clear();
    }

    /// How many batches there are, and how many of them are known to be stored.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let oracle = self.lock();
        let stored = oracle.batches.iter().filter(|tracked| matches!(tracked.fate, Fate::Stored(_)));
        (oracle.batches.len(), stored.count())
    }
}

impl Oracle {
    /// The first thing that did not hold, if there is one.
    pub(crate) fn verdict(&self) -> Checked {
        self.violation.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn violated(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    /// Makes another batch, not sent yet.
    pub(crate) fn create(&mut self, rng: &mut fastrand::Rng, mut origin: Origin) -> Option<u64> {
        origin.number = self.batches.len() as u64;
        let batch = match Batch::new(rng, &self.topic, origin) {
            Ok(batch) => batch,
            Err(violation) => {
                self.violated(violation);
                return None;
            }
        };
        for expected in &batch.expected {
            self.lines.insert(expected.line.clone(), (origin.number, expected.path.clone()));
        }
        let (writer, fate) = (origin.writer, Fate::Absent);
        self.batches.push(Tracked { batch, writer, fate, in_flight: false });
        Some(origin.number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Tracked> {
        self.batches.get_mut(usize::try_from(number).ok()?)
    }

    /// Batches of a writer that it may send again: whatever was refused, and with a key also the unknown.
    pub(crate) fn to_repeat(&self, writer: u8) -> Vec<u64> {
        let open = |tracked: &&Tracked| match tracked.fate {
            Fate::Absent => true,
            Fate::Unknown => tracked.batch.is_keyed(),
            Fate::Stored(_) => false,
        };
        let ours = self.batches.iter().filter(|tracked| tracked.writer == writer && !tracked.in_flight);
        ours.filter(open).map(|tracked| tracked.batch.number).collect()
    }

    /// Some stored batch with a key.
    pub(crate) fn any_stored(&self, rng: &mut fastrand::Rng) -> Option<u64> {
        let tracked = self.batches.get(rng.usize(..self.batches.len().max(1)))?;
        let known = matches!(tracked.fate, Fate::Stored(_)) && !tracked.in_flight && tracked.batch.is_keyed();
        known.then_some(tracked.batch.number)
    }

    /// Marks a batch as sent; answers what was known before.
    pub(crate) fn send(&mut self, number: u64) -> Option<(Batch, Fate)> {
        let tracked = self.get_mut(number)?;
        let before = tracked.fate;
        tracked.in_flight = true;
        if before == Fate::Absent {
            tracked.fate = Fate::Unknown;
        }
        Some((tracked.batch.clone(), before))
    }

    /// Nothing that was sent will be answered any more.
    pub(crate) fn forget_flights(&mut self) {
        self.batches.iter_mut().for_each(|tracked| tracked.in_flight = false);
    }

    /// Takes an answer. After `down` a machine that is dead cannot have refused anything.
    pub(crate) fn answered(
        &mut self,
        number: u64,
        before: Fate,
        answer: Result<Appended, AppendError>,
        down: bool,
    ) {
        let settled = match answer {
            Ok(Appended::New(at)) => self.stored(number, before, at),
            Ok(Appended::Duplicate { first, accepted }) => self.repeated(number, before, first, accepted),
            Ok(Appended::Conflict) => Err(format!("batch {number} met a conflict with itself")),
            Ok(Appended::Undecided(_)) => Err(format!("batch {number} was left undecided")),
            Err(AppendError::Refused(error)) if !down => match error.class {
                Class::Unavailable | Class::Full => Ok(before),
                _ => Err(format!("batch {number} was refused for ever: {error}")),
            },
            Err(AppendError::InFlight) => Ok(before),
            Err(_) => Ok(if before == Fate::Absent { Fate::Unknown } else { before }),
        };
        match settled {
            Ok(fate) => {
                if let Some(tracked) = self.get_mut(number) {
                    (tracked.fate, tracked.in_flight) = (fate, false);
                }
            }
            Err(violation) => self.violated(violation),
        }
    }

    fn stored(&mut self, number: u64, before: Fate, at: Position) -> Checked<Fate> {
        if let Fate::Stored(first) = before {
            return Err(format!("batch {number} was stored twice, at {first:?} and {at:?}"));
        }
        self.occupy(number, at)
    }

    fn repeated(&mut self, number: u64, before: Fate, first: Position, accepted: u32) -> Checked<Fate> {
        match before {
            Fate::Absent => return Err(format!("batch {number} was refused, and is a repetition now")),
            Fate::Stored(known) if known != first => {
                return Err(format!("batch {number} was stored at {known:?}, and now at {first:?}"));
            }
            _ => {}
        }
        let expected = self.get_mut(number).map(|tracked| tracked.batch.append.header.accepted());
        if expected != Some(accepted) {
            return Err(format!("batch {number} has {expected:?} accepted records, the log says {accepted}"));
        }
        self.occupy(number, first)
    }

    /// A position belongs to one batch for ever.
    fn occupy(&mut self, number: u64, at: Position) -> Checked<Fate> {
        let owner = *self.offsets.entry((at.log, at.partition, at.offset)).or_insert(number);
        if owner == number {
            return Ok(Fate::Stored(at));
        }
        Err(format!("{at:?} was given to batch {owner} and to batch {number}"))
    }
}
