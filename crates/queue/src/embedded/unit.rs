//! What callers hand to the one writer.

use bytes::Bytes;
use logmill_world::Micros;
use tokio::sync::{mpsc, oneshot};

use super::frame::{Kind, Prepared, TooLarge};
use super::state::{Stored, encode_position};
use crate::contract::{
    Append, AppendError, Class, Encoding, Group, Header, Lease, Partition, Position, QueueError, Route,
};
use crate::keys::InFlight;

/// A position that moves together with the unit's frames.
pub(crate) struct Commit {
    pub group: Group,
    pub lease: Lease,
    pub stored: Stored,
}

impl Commit {
    /// The frame that stores the position.
    pub(crate) fn prepare(&self, now: Micros) -> Result<Prepared, TooLarge> {
        let header = Header::new(Encoding::OPAQUE, 0, now);
        let payload = encode_position(&self.group, &self.stored);
        Prepared::new(Kind::Position, self.lease.topic.clone(), self.lease.partition, &header, payload)
    }
}

/// Where the first frame of a unit was stored.
pub(crate) type Reply = Result<Option<Position>, AppendError>;

/// Frames that are stored together or not at all.
pub(crate) struct Unit {
    pub frames: Vec<Prepared>,
    pub commit: Option<Commit>,
    /// Held until the fate of the frames is known, so that repetitions of the key wait.
    pub in_flight: Option<InFlight>,
    pub reply: Option<oneshot::Sender<Reply>>,
}

impl Unit {
    pub(crate) fn new(frames: Vec<Prepared>, commit: Option<Commit>) -> Self {
        Self { frames, commit, in_flight: None, reply: None }
    }

    pub(crate) fn span(&self) -> usize {
        self.frames.iter().map(Prepared::span).sum()
    }

    pub(crate) fn has_data(&self) -> bool {
        self.frames.iter().any(|frame| frame.is_data)
    }

    /// Tells the caller, if it still waits, and lets repetitions of the key go on.
    pub(crate) fn settle(mut self, reply: Reply) {
        drop(self.in_flight.take());
        if let Some(sender) = self.reply.take() {
            let _ = sender.send(reply);
        }
    }
}

/// The way to the one writer.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Unit>,
    partitions: u16,
    max_payload: u32,
    /// Bytes of frames that are stored together.
    max_unit: usize,
}

/// Units that wait at most; their bytes are budgeted by who accepts requests.
const WAITING: usize = 4096;

impl Inbox {
    pub(crate) fn new(partitions: u16, max_payload: u32, segment_bytes: u32) -> (Self, mpsc::Receiver<Unit>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        // A frame may be as large as a quarter of a segment, and has a header besides.
        let max_unit = segment_bytes as usize / 2;
        (Self { sender, partitions: partitions.max(1), max_payload, max_unit }, receiver)
    }

    /// Encodes and checksums a frame on the caller's thread.
    pub(crate) fn prepare(&self, append: Append) -> Result<Prepared, TooLarge> {
        if append.payload.len() > self.max_payload as usize {
            return Err(TooLarge("the payload is larger than the queue takes"));
        }
        let partition = match append.route {
            Route::To(partition) => partition,
            Route::Hash(hash) => Partition((hash % u64::from(self.partitions)) as u16),
        };
        Prepared::new(Kind::Data, append.topic, partition, &append.header, append.payload)
    }

    /// Hands a unit over and waits until it is durable.
    pub(crate) async fn send(&self, mut unit: Unit) -> Reply {
        if unit.span() > self.max_unit {
            let reason = "the frames that belong together are more than half of a segment";
            return Err(AppendError::Refused(QueueError::new(Class::Invalid, reason)));
        }
        let (sender, receiver) = oneshot::channel();
        unit.reply = Some(sender);
        let closed = || QueueError::new(Class::Unavailable, "the log is closed");
        if self.sender.send(unit).await.is_err() {
            return Err(AppendError::Refused(closed()));
        }
        receiver.await.unwrap_or_else(|_| Err(AppendError::Unknown(closed())))
    }
}

/// The state of the log as a frame at the start of a segment, or all ends as a mark.
pub(crate) fn control(kind: Kind, payload: Bytes, now: Micros) -> Result<Prepared, TooLarge> {
    let header = Header::new(Encoding::OPAQUE, 0, now);
    let topic = crate::contract::Topic::new("_log").map_err(|_| TooLarge("topic name"))?;
    Prepared::new(kind, topic, Partition(0), &header, payload)
}
