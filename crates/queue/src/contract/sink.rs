//! A destination as the runner sees it.

use std::any::Any;

use bytes::Bytes;

use super::BoxFuture;
use super::error::SinkError;
use super::frame::Frame;
use super::names::{Offset, Partition};
use super::queue::{Committed, Delivery, Epoch, Lease, Note, Start};

/// A record's index in its frame, or none for the frame as a whole.
pub type LetterIndex = Option<u32>;

/// A record, or a whole frame, that the sink can never deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The frame.
    pub offset: Offset,
    /// The record in it.
    pub index: LetterIndex,
    /// Why, for the operator.
    pub reason: String,
    /// A body of the frame's encoding with just this record; the whole payload if none is given.
    pub payload: Option<Bytes>,
}

/// What became of a delivery in a writer's memory.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// What goes to the dead letters.
    pub rejected: Vec<Rejected>,
    /// The writer wants to be staged before it takes more.
    pub full: bool,
}

/// What became of the records of a range. `read` is the sum of all others (invariant 10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records that the log delivered or named as lost.
    pub read: u64,
    /// Written to the destination.
    pub delivered: u64,
    /// Repetitions that were left out.
    pub deduplicated: u64,
    /// Given to the dead letters by the sink.
    pub dead_lettered: u64,
    /// Rejected at the door in a lenient batch.
    pub rejected: u64,
    /// Lost to damage.
    pub damaged: u64,
    /// Never read: removed by retention before, or left out when an operator set the position.
    pub expired: u64,
}

impl Totals {
    /// All figures with their names, in a fixed order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 7] {
        [
            ("read", self.read),
            ("delivered", self.delivered),
            ("deduplicated", self.deduplicated),
            ("dead_lettered", self.dead_lettered),
            ("rejected", self.rejected),
            ("damaged", self.damaged),
            ("expired", self.expired),
        ]
    }

    /// Adds what became of another range.
    pub fn add(&mut self, more: &Self) {
        self.read += more.read;
        self.delivered += more.delivered;
        self.deduplicated += more.deduplicated;
        self.dead_lettered += more.dead_lettered;
        self.rejected += more.rejected;
        self.damaged += more.damaged;
        self.expired += more.expired;
    }
}

/// What a writer made of deliveries; only its sink looks inside.
pub type Content = Box<dyn Any + Send + Sync>;

/// A closed range `[from, to)` of one partition, ready to be committed.
pub struct Staged {
    /// The lease under which it was read.
    pub lease: Lease,
    /// The first offset.
    pub from: Offset,
    /// The offset after the last.
    pub to: Offset,
    /// What the sink's writer made of it.
    pub content: Content,
}

impl Staged {
    /// The answer to a range whose lease was lost.
    #[must_use]
    pub fn fenced(&self) -> Outcome {
        Outcome::Fenced { partition: self.lease.partition, epoch: self.lease.epoch }
    }

    /// The answer to a range that is final: the group moves to its end, with this note.
    #[must_use]
    pub fn done(&self, note: Note) -> Outcome {
        Outcome::Done(self.lease.partition, Some(Committed { offset: self.to, note }))
    }
}

/// What became of one staged range.
#[derive(Debug)]
pub enum Outcome {
    /// The output holds the range. The group may move to `Committed`, which may lag behind the range.
    Done(Partition, Option<Committed>),
    /// The output stands elsewhere than the range begins. Nothing of the range was written.
    Moved {
        /// The partition.
        partition: Partition,
        /// Where its output ends.
        at: Offset,
    },
    /// The lease was lost. Nothing of the range was written.
    Fenced {
        /// The partition.
        partition: Partition,
        /// The lease.
        epoch: Epoch,
    },
}

/// A partition of a sink, opened.
pub struct Opening {
    /// Takes its deliveries.
    pub writer: Box<dyn Writer>,
    /// Where its output ends.
    pub start: Start,
    /// The end of a range that was begun before and has to be cut again: until it is reached nothing is staged, then at once.
    pub until: Option<Offset>,
}

impl Opening {
    /// An opening without a range that was begun.
    #[must_use]
    pub fn new(writer: Box<dyn Writer>, start: Start) -> Self {
        Self { writer, start, until: None }
    }
}

/// One destination.
pub trait Sink: Send + Sync {
    /// Where the output ends for this partition, and a writer for it. Called once for each lease.
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>>;

    /// What the group has to keep at the range's begin before `commit` may be called with it: the same range is cut again
    /// if its commit is left halfway. None if the output itself knows.
    fn intent(&self, _staged: &Staged) -> Option<Committed> {
        None
    }

    /// Makes one effect of these ranges together; the same ranges again are no second effect, so that a
    /// failed commit is repeated with the same `staged`. Answers one outcome a range, in order.
    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>>;

    /// Makes everything committed so far final; answers how far the groups' positions may move.
    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>>;

    /// Partitions whose output was lost since they were opened, and where it stands now: they are opened again. Asked after each
    /// checkpoint; an output that notices at a commit answers `Moved` there.
    fn moved(&self) -> Vec<(Partition, Offset)> {
        Vec::new()
    }

    /// What became of all records so far, a partition. Kept with the output, so that it survives crashes.
    fn totals(&self) -> Vec<(Partition, Totals)>;
}

/// Takes deliveries of one partition into memory.
pub trait Writer: Send {
    /// Decodes and keeps one delivery. Must not block and must not fail: what cannot be delivered is rejected.
    fn write(&mut self, delivery: &Delivery) -> Written;

    /// Leaves a frame out: it went to the dead letters as a whole.
    fn skip(&mut self, frame: &Frame);

    /// Gives away what came since the last call.
    fn stage(&mut self) -> Content;
}
