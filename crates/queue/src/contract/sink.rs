//! A destination as the runner sees it.

use std::any::Any;

use super::BoxFuture;
use super::error::SinkError;
use super::names::{Offset, Partition};
use super::queue::{Committed, Delivery, Epoch, Lease, Start};

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
}

/// What became of a delivery in a writer's memory.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// What goes to the dead letters.
    pub rejected: Vec<Rejected>,
    /// The writer wants to be staged before it takes more.
    pub full: bool,
}

/// A closed range `[from, to)` of one partition, ready to be committed.
pub struct Staged {
    /// The lease under which it was read.
    pub lease: Lease,
    /// The first offset.
    pub from: Offset,
    /// The offset after the last.
    pub to: Offset,
    /// What the sink's writer made of it; only that sink looks inside.
    pub content: Box<dyn Any + Send>,
}

/// What became of one staged range.
#[derive(Debug)]
pub enum Outcome {
    /// The output holds the range. The group may move to `Committed`, which may lag behind the range.
    Done(Option<Committed>),
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

/// A writer for one partition, and where its output ends.
pub type Opening = (Box<dyn Writer>, Start);

/// One destination.
pub trait Sink: Send + Sync {
    /// Where the output ends for this partition, and a writer for it. Called once for each lease.
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>>;

    /// Makes one effect of these ranges together; the same ranges again are no second effect.
    /// Answers one outcome a range, in order.
    fn commit(&self, staged: Vec<Staged>) -> BoxFuture<'_, Result<Vec<Outcome>, SinkError>>;

    /// Makes everything committed so far final, so that the groups' positions may move up to it.
    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Lease, Committed)>, SinkError>>;
}

/// Takes deliveries of one partition into memory.
pub trait Writer: Send {
    /// Decodes and keeps one delivery. Must not block and must not fail: what cannot be delivered is rejected.
    fn write(&mut self, delivery: &Delivery) -> Written;

    /// Closes the range that was written since the last call.
    fn stage(&mut self) -> Option<Staged>;
}
