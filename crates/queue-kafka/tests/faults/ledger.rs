//! What the members of the run `commits` were answered, so that each can be compared with what others see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use logmill_queue::{CommitError, Committed, Epoch, Lease, Note, Offset, Partition};

use crate::run::Run;

/// All commits of a run. Epochs are comparable: one process counts them all.
pub(crate) struct Ledger {
    run: Arc<Run>,
    pages: Mutex<BTreeMap<Partition, Page>>,
    counts: Mutex<Counts>,
}

/// A partition.
#[derive(Default)]
struct Page {
    /// The newest lease that somebody was given.
    newest: Epoch,
    /// The last successful commit of each lease.
    done: BTreeMap<Epoch, Offset>,
    /// The furthest that anybody tried to commit.
    tried: Offset,
}

/// What is known before the position is asked for, or before a commit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    newest: Epoch,
    /// The furthest successful commit.
    upto: Offset,
    /// The newest lease with a successful commit.
    by: Epoch,
    /// Whether the lease was held before the commit.
    is_held: bool,
}

#[derive(Debug, Default)]
struct Counts {
    leases: u64,
    told: u64,
    done: u64,
    /// Successful commits of leases that had ended by the time of the answer.
    done_late: u64,
    fenced: u64,
    /// `Fenced` for a lease that was still held when the answer came.
    fenced_held: u64,
    /// Commits that began when the lease had ended already.
    begun_late: u64,
    unavailable: u64,
    unknown: u64,
}

/// The text kept with a position.
pub(crate) fn note(epoch: Epoch, upto: Offset) -> Note {
    Note::new(format!("{epoch}:{upto}")).unwrap()
}

impl Ledger {
    pub(crate) fn new(run: &Arc<Run>) -> Self {
        Self { run: run.clone(), pages: Mutex::default(), counts: Mutex::default() }
    }

    fn page<T>(&self, partition: Partition, look: impl FnOnce(&mut Page) -> T) -> T {
        look(self.pages.lock().unwrap_or_else(PoisonError::into_inner).entry(partition).or_default())
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody was given a partition.
    pub(crate) fn assigned(&self, lease: &Lease) {
        self.counts().leases += 1;
        self.page(lease.partition, |page| page.newest = page.newest.max(lease.epoch));
    }

    /// What is known at this moment.
    pub(crate) fn known(&self, lease: &Lease) -> Known {
        self.page(lease.partition, |page| Known {
            newest: page.newest,
            upto: page.done.values().copied().max().unwrap_or_default(),
            by: page.done.keys().copied().max().unwrap_or_default(),
            is_held: lease.is_held(),
        })
    }

    /// A position was told that was asked for after `known`.
    pub(crate) fn told(&self, lease: &Lease, known: Known, position: Option<&Committed>) {
        self.counts().told += 1;
        let (partition, epoch) = (lease.partition, lease.epoch);
        let Some(position) = position else {
            return self.run.expect(known.upto == 0, || {
                format!("partition {partition}, lease {epoch}: no position, though {known:?} was committed")
            });
        };
        let noted = position
            .note
            .as_str()
            .split_once(':')
            .and_then(|(by, upto)| Some((by.parse::<Epoch>().ok()?, upto.parse::<Offset>().ok()?)));
        let tried = self.page(partition, |page| page.tried);
        let good = noted.is_some_and(|(by, upto)| {
            upto == position.offset && upto >= known.upto && by >= known.by && upto <= tried
        });
        self.run.expect(good, || {
            format!(
                "partition {partition}, lease {epoch}: a position between {known:?} and {tried}, with its own note, not \
                 {position:?}"
            )
        });
    }

    /// A commit begins.
    pub(crate) fn begins(&self, lease: &Lease, upto: Offset) -> Known {
        self.page(lease.partition, |page| page.tried = page.tried.max(upto));
        let known = self.known(lease);
        self.counts().begun_late += u64::from(!known.is_held);
        known
    }

    /// A commit that began when `known` was known is answered.
    pub(crate) fn answered(
        &self,
        lease: &Lease,
        known: Known,
        upto: Offset,
        answer: &Result<(), CommitError>,
    ) {
        let (partition, epoch) = (lease.partition, lease.epoch);
        let after = if lease.is_held() { "held" } else { "ended" };
        self.run.expect(known.is_held || matches!(answer, Err(CommitError::Fenced)), || {
            format!(
                "partition {partition}, lease {epoch} ended before it committed {upto}: Fenced, not {answer:?}"
            )
        });
        let mut counts = self.counts();
        match answer {
            Ok(()) => {
                counts.done += 1;
                counts.done_late += u64::from(!lease.is_held());
                drop(counts);
                self.run.expect(known.newest <= epoch, || {
                    format!(
                        "partition {partition}: lease {epoch} ({after}) committed {upto} though {known:?} was given out \
                         before"
                    )
                });
                self.page(partition, |page| {
                    let done = page.done.entry(epoch).or_default();
                    *done = upto.max(*done);
                });
            }
            Err(CommitError::Fenced) => {
                counts.fenced += 1;
                counts.fenced_held += u64::from(lease.is_held());
            }
            Err(CommitError::Unavailable(_)) => counts.unavailable += 1,
            Err(CommitError::Unknown(_)) => counts.unknown += 1,
        }
    }

    /// What there was.
    pub(crate) fn summary(&self) -> String {
        format!("{:?}", self.counts())
    }
}
