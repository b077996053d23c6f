//! A partition's queue in librdkafka, shared by its readers of before and now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{Epoch, Frame, Offset, QueueError};
use rdkafka::Message;
use rdkafka::consumer::base_consumer::PartitionQueue;
use tokio::sync::Notify;

use super::MemberConsumer;
use super::context::MemberContext;
use crate::client::Health;
use crate::error::unavailable;
use crate::message;

/// The queue of one partition. It exists once for a membership: two handles on it would take each other's wake-ups.
pub(crate) struct Slot {
    queue: Mutex<Queue>,
    /// There may be something to read.
    pub more: Arc<Notify>,
    health: Health,
}

struct Queue {
    inner: Option<PartitionQueue<MemberContext>>,
    /// The lease that may take from it. A former one could still be between its check and its poll.
    epoch: Epoch,
    /// Where that lease reads on; what lies before was fetched twice around a pause.
    next: Offset,
}

impl Slot {
    /// None if librdkafka does not know the partition.
    pub(crate) fn new(
        consumer: &Arc<MemberConsumer>,
        topic: &str,
        partition: u16,
        health: Health,
    ) -> Option<Self> {
        let mut queue = consumer.split_partition_queue(topic, i32::from(partition))?;
        let more = Arc::new(Notify::new());
        let waker = more.clone();
        queue.set_nonempty_callback(move || waker.notify_one());
        let queue = Mutex::new(Queue { inner: Some(queue), epoch: 0, next: 0 });
        Some(Self { queue, more, health })
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the lease of `epoch` reads, from `next` on.
    pub(crate) fn begin(&self, epoch: Epoch, next: Offset) {
        let mut queue = self.queue();
        (queue.epoch, queue.next) = (epoch, next);
    }

    /// Nobody reads any more: the handle on the consumer goes.
    pub(crate) fn end(&self) {
        let inner = self.queue().inner.take();
        drop(inner);
        self.more.notify_one();
    }

    /// What is there already, for the lease of `epoch`.
    pub(crate) fn poll(&self, epoch: Epoch) -> Option<Result<Frame, QueueError>> {
        let mut queue = self.queue();
        let Queue { inner, epoch: current, next } = &mut *queue;
        if *current != epoch {
            return None;
        }
        loop {
            match inner.as_ref()?.poll(Duration::ZERO)? {
                Ok(message) if u64::try_from(message.offset()).is_ok_and(|offset| offset < *next) => {}
                Ok(message) => {
                    let frame = message::frame(&message);
                    if let Ok(frame) = &frame {
                        *next = frame.offset + 1;
                    }
                    return Some(frame);
                }
                Err(error) => {
                    return Some(Err(unavailable("a partition cannot be read", error, &self.health)));
                }
            }
        }
    }
}
