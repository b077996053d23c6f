//! What was sent in the run `brokers`, what was answered, and how that compares with what is there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use logmill_queue::{AppendError, Appended, LogId, Offset, Partition, Position};

use crate::run::Run;

/// The beginning of a reason that is counted apart.
const REASON: usize = 90;

/// The answer to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Stored(Position),
    Refused,
    Unknown,
}

/// An append with its answer.
struct Sent {
    partition: Partition,
    answer: Answer,
}

/// Appends that were answered while two brokers were away; those that were stored began then, too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dark {
    pub stored: u64,
    pub refused: u64,
    pub unknown: u64,
}

/// All appends of a run.
#[derive(Default)]
pub(crate) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    sent: BTreeMap<u64, Sent>,
    dark: Dark,
    reasons: BTreeMap<String, u64>,
}

/// How often the frames with each kind of answer were found.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub stored: u64,
    pub refused: u64,
    pub unknown_absent: u64,
    pub unknown_once: u64,
    pub unknown_more: u64,
}

impl Book {
    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an answer down.
    pub(crate) fn enter(
        &self,
        (number, partition): (u64, Partition),
        answer: Result<Appended, AppendError>,
        is_dark: bool,
    ) -> Answer {
        let mut pages = self.pages();
        let answer = match answer {
            Ok(Appended::New(position)) => Answer::Stored(position),
            Ok(other) => panic!("a frame without a key was answered {other:?}"),
            Err(error) => {
                *pages.reasons.entry(error.to_string().chars().take(REASON).collect()).or_default() += 1;
                if matches!(error, AppendError::Unknown(_)) { Answer::Unknown } else { Answer::Refused }
            }
        };
        if is_dark {
            match answer {
                Answer::Stored(_) => pages.dark.stored += 1,
                Answer::Refused => pages.dark.refused += 1,
                Answer::Unknown => pages.dark.unknown += 1,
            }
        }
        pages.sent.insert(number, Sent { partition, answer });
        answer
    }

    /// What was answered while two brokers were away.
    pub(crate) fn dark(&self) -> Dark {
        self.pages().dark
    }

    /// Why appends did not succeed.
    pub(crate) fn reasons(&self) -> String {
        let pages = self.pages();
        pages.reasons.iter().map(|(reason, n)| format!("\n  {n} x {reason}")).collect()
    }

    /// Compares the answers with what the partitions hold.
    pub(crate) fn judge(
        &self,
        run: &Run,
        log: LogId,
        found: &BTreeMap<Partition, Vec<(Offset, u64)>>,
    ) -> Counts {
        let mut places: BTreeMap<u64, Vec<(Partition, Offset)>> = BTreeMap::new();
        for (partition, frames) in found {
            for (offset, number) in frames {
                places.entry(*number).or_default().push((*partition, *offset));
            }
        }
        let pages = self.pages();
        for (number, at) in places.iter().filter(|(number, _)| !pages.sent.contains_key(number)) {
            run.find(format!("frame {number} was never sent, but lies at {at:?}"));
        }
        let mut counts = Counts::default();
        for (number, sent) in &pages.sent {
            let at = places.get(number).map(Vec::as_slice).unwrap_or_default();
            sent.judge(run, (*number, log), at, &mut counts);
        }
        counts
    }
}

impl Sent {
    fn judge(&self, run: &Run, (number, log): (u64, LogId), at: &[(Partition, Offset)], counts: &mut Counts) {
        let partition = self.partition;
        match self.answer {
            Answer::Stored(position) => {
                counts.stored += 1;
                run.expect(position.log == log && position.partition == partition, || {
                    format!("frame {number} was sent to {log}/{partition}, the answer was {position:?}")
                });
                run.expect(at == [(position.partition, position.offset)], || {
                    format!("frame {number} was answered {position:?}, found at {at:?}")
                });
            }
            Answer::Refused => {
                counts.refused += 1;
                run.expect(at.is_empty(), || format!("frame {number} was refused, but found at {at:?}"));
            }
            Answer::Unknown => {
                match at.len() {
                    0 => counts.unknown_absent += 1,
                    1 => counts.unknown_once += 1,
                    _ => counts.unknown_more += 1,
                }
                run.expect(at.len() < 2 && at.iter().all(|(found, _)| *found == partition), || {
                    format!("frame {number} for {partition} was unknown, found at {at:?}")
                });
            }
        }
    }
}
