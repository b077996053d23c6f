//! What sources, sinks and queues agree on. README.md says what each piece is there for.

mod error;
mod frame;
mod names;
mod queue;
mod sink;

pub use error::{AppendError, Class, CommitError, QueueError, SinkError, StartError};
pub use frame::{Append, Appended, Encoding, Frame, Header, Key, Route, batch_id_text};
pub use names::{Group, LogId, NameError, Offset, Partition, Position, Topic};
pub use queue::{
    Committed, Delivery, Depth, Epoch, Event, Lease, Note, PartitionReader, Queue, QueueLimits, Records,
    Scan, Start, Subscription,
};
pub use sink::{Content, LetterIndex, Opening, Outcome, Rejected, Sink, Staged, Totals, Writer, Written};

/// A boxed future; the traits are used as `dyn`, and the cost is per batch, never per record.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;
