//! The log as sources and the runner see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::BoxFuture;
use super::error::{AppendError, CommitError, QueueError, StartError};
use super::frame::{Append, Appended, Frame};
use super::names::{Group, LogId, Offset, Partition, Topic};

/// What a queue can and cannot do. A caller asks here instead of asking which queue it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// The largest payload of one frame in bytes.
    pub max_payload: u64,
    /// It knows how many records it holds: a depth has records, and damage says how many were lost.
    pub counts_records: bool,
    /// Processes share a group's partitions: none of them sees all of them.
    pub shares_partitions: bool,
    /// A relay is one step with its position whatever topic it goes to. Where it is not, what goes elsewhere is appended
    /// with a key, so that it can be repeated.
    pub relays_anywhere: bool,
}

/// How much of a topic a group has not committed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Frames. Where offsets have holes it is the number of offsets, and stays above 0 behind the last frame.
    pub frames: u64,
    /// Records; none if the queue does not count them.
    pub records: Option<Records>,
}

/// Records of a topic, counted by the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Those that a group has not committed yet.
    pub queued: u64,
    /// Those that were ever stored.
    pub accepted: u64,
}

/// The durable log.
pub trait Queue: Send + Sync {
    /// What this queue can do.
    fn limits(&self) -> QueueLimits;

    /// The id that positions in `topic` carry.
    ///
    /// # Errors
    /// The log is not open yet.
    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError>;

    /// Stores one frame: all or nothing, durable on `Ok`. Dropping the future withdraws nothing.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Takes part in `group`. At most `budget` bytes are fetched ahead of the readers, all together.
    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>>;

    /// Without a group: the frames from `from` to the end as it was at the call.
    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>>;

    /// The partitions of a topic.
    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>>;

    /// The oldest offset that is kept, and the one that the next frame gets.
    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>>;

    /// The positions of `group` in `topic` as everybody sees them; who owns a partition may know a newer one.
    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, Committed)>, QueueError>>;

    /// Offsets of each partition that `group` has not committed.
    fn lags<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, u64)>, QueueError>> {
        Box::pin(async move {
            let committed = self.committed(topic, group).await?;
            let mut lags = Vec::new();
            for partition in self.partitions(topic).await? {
                let (oldest, end) = self.bounds(topic, partition).await?;
                let position = committed.iter().find(|(of, _)| *of == partition);
                let at = position.map_or(oldest, |(_, committed)| committed.offset.max(oldest));
                lags.push((partition, end.saturating_sub(at)));
            }
            Ok(lags)
        })
    }

    /// What `group` has not committed of `topic`.
    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>>;
}

/// Frames up to an end that was fixed when the scan began.
pub trait Scan: Send {
    /// The next delivery, or none at the end. Cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Delivery>, QueueError>>;
}

/// A membership in a group: ownership only, the frames come from the partitions' readers.
pub trait Subscription: Send {
    /// The next change of ownership; waits for it. Cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Result<Event, QueueError>>;

    /// Leaves the group. Leases that were not released by then are lost.
    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), QueueError>>;
}

/// Grows with each change of a partition's owner.
pub type Epoch = u64;

/// A change of ownership.
pub enum Event {
    /// The partition is ours. Nothing is fetched before `PartitionReader::start`.
    Assigned(Box<dyn PartitionReader>),
    /// Finish, commit and release within this time, a few seconds; what is not committed then must be forgotten.
    /// A commit can be `Fenced` even so. Other members of the group may have to wait for the answer.
    Revoking {
        /// The partition.
        partition: Partition,
        /// The lease that ends.
        epoch: Epoch,
        /// Time that is left.
        within: Duration,
    },
    /// The partition is somebody else's already: forget it, every commit answers `Fenced`. It may be assigned
    /// again at once, with another epoch.
    Lost {
        /// The partition.
        partition: Partition,
        /// The lease that has ended.
        epoch: Epoch,
    },
}

/// The right to read and commit a partition.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The log that the partition's positions belong to.
    pub log: LogId,
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: Partition,
    /// Which ownership of the partition this is.
    pub epoch: Epoch,
    held: Arc<AtomicBool>,
}

impl Lease {
    /// A lease that is held until `end` is called on it or one of its clones.
    #[must_use]
    pub fn new(log: LogId, topic: Topic, partition: Partition, epoch: Epoch) -> Self {
        Self { log, topic, partition, epoch, held: Arc::new(AtomicBool::new(true)) }
    }

    /// Whether the lease is still held, as far as this process knows.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }

    /// Ends the lease for all its clones; only a queue does that.
    pub fn end(&self) {
        self.held.store(false, Ordering::Release);
    }
}

/// Text kept with a position under the same fence: intents, attempts, totals. At most 3 KiB of UTF-8.
///
/// Kafka keeps it in the offset commit's metadata: 4096 UTF-16 units by default, other bytes are changed silently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// The longest note in bytes.
    pub const MAX: usize = 3 * 1024;
    /// What of it belongs to a sink; the rest is the runner's.
    pub const FOR_SINKS: usize = Self::MAX - 128;

    /// A note of this text.
    ///
    /// # Errors
    /// Gives the text back if it is too long.
    pub fn new(text: String) -> Result<Self, String> {
        if text.len() <= Self::MAX { Ok(Self(text)) } else { Err(text) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A group's position in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: Offset,
    /// What was committed with it.
    pub note: Note,
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest frame that is kept.
    Oldest,
    /// After the newest frame.
    End,
    /// This offset of this log: a place that was read up to before. One beyond the log's end shows that the log is
    /// older than what was read from it; for others, ask `Queue::bounds` first.
    At(LogId, Offset),
}

impl Start {
    /// At this position of a log; without one at the oldest frame.
    #[must_use]
    pub fn after(log: LogId, position: Option<Offset>) -> Self {
        position.map_or(Self::Oldest, |offset| Self::At(log, offset))
    }
}

/// What a partition delivers, in order.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A frame.
    Frame(Frame),
    /// Frames that were stored and cannot be read any more. Reading goes on behind them.
    Damaged {
        /// The first offset that is missing.
        from: Offset,
        /// The offset at which reading goes on.
        to: Offset,
        /// Records lost with them.
        records: u64,
    },
}

impl Delivery {
    /// The offset that follows this delivery.
    #[must_use]
    pub fn end(&self) -> Offset {
        match self {
            Self::Frame(frame) => frame.offset + 1,
            Self::Damaged { to, .. } => *to,
        }
    }
}

/// The reader of one partition, owned by one task.
pub trait PartitionReader: Send {
    /// The lease under which it reads and commits.
    fn lease(&self) -> &Lease;

    /// The group's position when the partition was assigned. On Kafka it may have to wait for the end of
    /// another owner's transaction.
    fn committed(&mut self) -> BoxFuture<'_, Result<Option<Committed>, QueueError>>;

    /// Sets where reading begins; called before `next`, and again whenever the sink was opened again.
    fn start(&mut self, at: Start) -> BoxFuture<'_, Result<Offset, StartError>>;

    /// The next delivery; waits for it. Cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Result<Delivery, QueueError>>;

    /// Moves the group's position to `upto` and keeps `note` with it, if the lease is still held.
    fn commit<'a>(&'a mut self, upto: Offset, note: &'a Note) -> BoxFuture<'a, Result<(), CommitError>>;

    /// Stores `out` and moves the position in one atomic step. After a future of it was dropped the partition has to be
    /// opened again: it may still happen.
    fn relay<'a>(
        &'a mut self,
        out: Vec<Append>,
        upto: Offset,
        note: &'a Note,
    ) -> BoxFuture<'a, Result<(), CommitError>>;

    /// Gives the partition back: the answer to `Revoking`, or before `Subscription::close`. Not a way to pass it on: it
    /// stays with the member until somebody else is to have it.
    fn release(self: Box<Self>);
}
