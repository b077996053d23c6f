//! Reading a partition without a group, up to the end as it was.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{BoxFuture, Delivery, Offset, Partition, QueueError, Scan};
use logmill_world::World;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use tokio::sync::Notify;

use crate::blocking::{Detached, blocking};
use crate::client::{Context, Health};
use crate::config::KafkaConfig;
use crate::error::unavailable;
use crate::message;

/// How long a broker may take to tell the last stable offset.
const ASK: Duration = Duration::from_secs(5);
/// Asked again so often while a transaction below the end is open.
const PAUSE: Duration = Duration::from_millis(50);
/// In case librdkafka does not wake us.
const FALLBACK: Duration = Duration::from_secs(1);

/// A scan over the offsets from `next` to `end`.
pub(crate) struct KafkaScan {
    world: World,
    health: Health,
    topic: String,
    partition: Partition,
    next: Offset,
    end: Offset,
    reader: Option<Reader>,
}

struct Reader {
    consumer: Detached<Arc<BaseConsumer<Context>>>,
    more: Arc<Notify>,
}

impl KafkaScan {
    pub(crate) fn new(
        world: &World,
        config: &KafkaConfig,
        health: &Health,
        (topic, partition): (&str, Partition),
        (next, end): (Offset, Offset),
    ) -> KafkaResult<Self> {
        let reader = if next < end { Some(Reader::new(world, config, health)?) } else { None };
        let (world, health, topic) = (world.clone(), health.clone(), topic.to_owned());
        Ok(Self { world, health, topic, partition, next, end, reader })
    }

    /// Waits until all transactions below the end are decided, and begins to read. What comes then is final, and the
    /// first end of the partition that is told lies at our end or behind it: markers behind the last message give
    /// no message that would show it.
    pub(crate) async fn begin(&mut self) -> Result<(), QueueError> {
        while self.reader.is_some() && self.last_stable().await? < self.end {
            self.world.clock().sleep(PAUSE).await;
        }
        let Some(consumer) = self.consumer() else { return Ok(()) };
        let mut list = TopicPartitionList::with_capacity(1);
        let at = rdkafka::Offset::Offset(i64::try_from(self.next).unwrap_or(i64::MAX));
        list.add_partition_offset(&self.topic, i32::from(self.partition.0), at)
            .and_then(|()| consumer.assign(&list))
            .map_err(|error| self.failed(error))
    }

    fn consumer(&self) -> Option<Arc<BaseConsumer<Context>>> {
        self.reader.as_ref()?.consumer.get().cloned()
    }

    async fn last_stable(&self) -> Result<Offset, QueueError> {
        let Some(consumer) = self.consumer() else { return Ok(self.end) };
        let (topic, partition, health) =
            (self.topic.clone(), i32::from(self.partition.0), self.health.clone());
        blocking(move || {
            let (_, stable) = consumer
                .fetch_watermarks(&topic, partition, ASK)
                .map_err(|error| unavailable("the end of a partition is not known", error, &health))?;
            Ok(Offset::try_from(stable).unwrap_or_default())
        })
        .await
    }

    fn failed(&self, error: KafkaError) -> QueueError {
        unavailable("a partition cannot be read", error, &self.health)
    }

    /// What is there already; none if nothing is.
    fn step(&mut self) -> Option<Result<Option<Delivery>, QueueError>> {
        let consumer = self.consumer()?;
        let frame = match consumer.poll(Duration::ZERO)? {
            Ok(message) => message::frame(&message),
            Err(KafkaError::PartitionEOF(_)) => return Some(Ok(None)),
            Err(error) => return Some(Err(self.failed(error))),
        };
        Some(frame.map(|frame| {
            self.next = frame.offset + 1;
            (frame.offset < self.end).then_some(Delivery::Frame(frame))
        }))
    }
}

impl Reader {
    fn new(world: &World, config: &KafkaConfig, health: &Health) -> KafkaResult<Self> {
        let mut consumer: BaseConsumer<Context> =
            config.scan().create_with_context(Context(health.clone()))?;
        let more = Arc::new(Notify::new());
        let waker = more.clone();
        consumer.set_nonempty_callback(move || waker.notify_one());
        Ok(Self { consumer: Detached::new(world, Arc::new(consumer)), more })
    }
}

impl Scan for KafkaScan {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Delivery>, QueueError>> {
        Box::pin(async move {
            while self.next < self.end {
                match self.step() {
                    Some(Ok(None)) => self.next = self.end,
                    Some(answer) => return answer,
                    None => {
                        let Some(reader) = &self.reader else { break };
                        tokio::select! {
                            () = reader.more.notified() => {}
                            () = self.world.clock().sleep(FALLBACK) => {}
                        }
                    }
                }
            }
            self.reader = None;
            Ok(None)
        })
    }
}
