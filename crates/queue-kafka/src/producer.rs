//! Storing frames: an idempotent producer for all topics that take messages of the same size.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use logmill_queue::{AppendError, Class, Offset, Partition, QueueError};
use logmill_world::World;
use rdkafka::ClientContext;
use rdkafka::Message;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use tokio::sync::oneshot;

use crate::blocking::{Detached, blocking};
use crate::client::{Context, Health};
use crate::config::{KafkaConfig, LARGEST_SET, REQUEST};
use crate::error::{code, unavailable};
use crate::message::Outgoing;

/// A caller gets its answer within this time, known or not.
const ANSWER: Duration = REQUEST;
/// What was given to librdkafka when the process ends in order gets this long to arrive.
const LAST: Duration = Duration::from_secs(5);
/// A producer's thread sleeps for so long unless there is a report. The binding does not sleep for the last millisecond of
/// it, so that a shorter time costs an idle process a part of a core.
const SLEEP: Duration = Duration::from_secs(1);

/// Where a frame was stored, or what the broker said.
type Report = Result<(Partition, Offset), RDKafkaErrorCode>;

/// Frames without an answer, and since when no answer came: brokers that are away must not be given more and more.
#[derive(Default)]
struct Waiting {
    frames: AtomicU64,
    /// Milliseconds of the monotonic clock.
    since: AtomicU64,
}

/// Receives delivery reports on the producer's thread.
pub(crate) struct Reports {
    base: Context,
    world: World,
    waiting: Waiting,
}

impl Reports {
    fn now(&self) -> u64 {
        u64::try_from(self.world.clock().monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    fn given(&self) {
        if self.waiting.frames.fetch_add(1, Ordering::AcqRel) == 0 {
            self.waiting.since.store(self.now(), Ordering::Release);
        }
    }

    fn answered(&self) {
        self.waiting.frames.fetch_sub(1, Ordering::AcqRel);
        self.waiting.since.store(self.now(), Ordering::Release);
    }

    /// How long frames have waited without any answer.
    fn silence(&self) -> Duration {
        if self.waiting.frames.load(Ordering::Acquire) == 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(self.now().saturating_sub(self.waiting.since.load(Ordering::Acquire)))
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.base.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.base.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<oneshot::Sender<Report>>;

    fn delivery(&self, result: &DeliveryResult<'_>, caller: Self::DeliveryOpaque) {
        self.answered();
        let report = match result {
            Ok(message) => {
                self.base.0.recovered();
                let partition = u16::try_from(message.partition()).unwrap_or_default();
                Ok((Partition(partition), Offset::try_from(message.offset()).unwrap_or_default()))
            }
            Err((error, _)) => Err(code(error)),
        };
        // A caller that went away has nothing to learn.
        let _ = caller.send(report);
    }
}

/// The producers, by the largest set of messages that their topics take. There is one, unless somebody made a topic by hand.
pub(crate) struct Producers {
    world: World,
    config: KafkaConfig,
    health: Health,
    by_set: Mutex<BTreeMap<u64, Arc<Producer>>>,
}

impl Producers {
    pub(crate) fn new(world: &World, config: &KafkaConfig, health: &Health) -> Self {
        let (world, config, health) = (world.clone(), config.clone(), health.clone());
        Self { world, config, health, by_set: Mutex::default() }
    }

    fn by_set(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Producer>>> {
        self.by_set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The producer for a topic that takes messages, and sets of them, of so many bytes.
    ///
    /// # Errors
    /// A property that librdkafka does not know or take.
    pub(crate) fn of(&self, max_message: u64) -> Result<Arc<Producer>, QueueError> {
        // What librdkafka would not exceed anyway makes no difference.
        let set = max_message.min(LARGEST_SET);
        let mut producers = self.by_set();
        if let Some(producer) = producers.get(&set) {
            return Ok(producer.clone());
        }
        let producer = Arc::new(Producer::new(&self.world, &self.config, &self.health, set)?);
        producers.insert(set, producer.clone());
        Ok(producer)
    }

    /// Why nothing is taken at the moment, if nothing is.
    pub(crate) fn trouble(&self) -> Option<QueueError> {
        self.by_set().values().find_map(|producer| producer.trouble())
    }

    /// Waits for what is under way.
    pub(crate) async fn close(&self) {
        let producers: Vec<_> = self.by_set().values().cloned().collect();
        let closed = blocking(move || {
            producers.iter().for_each(|producer| producer.settle());
            Ok(())
        });
        if let Err(error) = closed.await {
            tracing::warn!(%error, "the producers did not end in order");
        }
    }
}

/// The producer of all appends to topics with one limit.
pub(crate) struct Producer {
    world: World,
    health: Health,
    inner: Detached<Arc<BaseProducer<Reports>>>,
}

impl Producer {
    fn new(world: &World, config: &KafkaConfig, health: &Health, set: u64) -> Result<Self, QueueError> {
        let base = Context(health.clone());
        let reports = Reports { base, world: world.clone(), waiting: Waiting::default() };
        let invalid = |e| QueueError::caused(Class::Invalid, "the settings of Kafka are not valid", e);
        let producer = config.producer(set).create_with_context(reports).map_err(invalid)?;
        let producer: Arc<BaseProducer<Reports>> = Arc::new(producer);
        let served = Arc::downgrade(&producer);
        let thread = world.spawn_io("kafka-producer", Box::pin(async move { serve(&served) }));
        thread.map_err(|error| QueueError::io("no thread for a producer", error))?;
        let inner = Detached::new(world, producer);
        Ok(Self { world: world.clone(), health: health.clone(), inner })
    }

    /// Why nothing is taken at the moment, if nothing is.
    fn trouble(&self) -> Option<QueueError> {
        let silence = self.inner.get()?.context().silence();
        (silence >= ANSWER).then(|| {
            let complaint =
                self.health.complaint().map(|complaint| format!(": {complaint}")).unwrap_or_default();
            let reason =
                format!("no broker has acknowledged anything for {} s{complaint}", silence.as_secs());
            QueueError::new(Class::Unavailable, reason)
        })
    }

    /// Waits for what is under way: the producer's own end would withdraw it. Blocks.
    fn settle(&self) {
        let Some(producer) = self.inner.get() else { return };
        if let Err(error) = producer.flush(LAST) {
            let frames = producer.in_flight_count();
            tracing::warn!(%error, frames, "frames without an answer are given up; their senders were told so");
        }
    }

    /// Hands a message over in its first poll, and waits for the broker.
    pub(crate) async fn send(
        &self,
        topic: &str,
        partition: Partition,
        message: Outgoing,
    ) -> Result<(Partition, Offset), AppendError> {
        if let Some(trouble) = self.trouble() {
            return Err(AppendError::Refused(trouble));
        }
        let (sender, report) = oneshot::channel();
        let mut record = BaseRecord::<str, [u8], _>::with_opaque_to(topic, Box::new(sender))
            .partition(i32::from(partition.0))
            .payload(&message.payload)
            .headers(message.headers);
        record.key = message.key.as_deref();
        self.hand_over(record)?;
        let unknown = |reason: &str| AppendError::Unknown(QueueError::new(Class::Unavailable, reason));
        tokio::select! {
            biased;
            report = report => match report {
                Ok(Ok(stored)) => Ok(stored),
                Ok(Err(code)) => Err(self.refusal(code)),
                Err(_) => Err(unknown("the producer has ended")),
            },
            () = self.world.clock().sleep(ANSWER) => Err(match self.health.complaint() {
                Some(complaint) => unknown(&format!("no broker has acknowledged it within 10 s: {complaint}")),
                None => unknown("no broker has acknowledged it within 10 s"),
            }),
        }
    }

    fn hand_over(
        &self,
        record: BaseRecord<'_, str, [u8], Box<oneshot::Sender<Report>>>,
    ) -> Result<(), AppendError> {
        let Some(producer) = self.inner.get() else {
            return Err(AppendError::Refused(QueueError::new(Class::Bug, "the producer has ended")));
        };
        let reports = producer.context();
        // Counted before: the report may be faster.
        reports.given();
        producer.send(record).map_err(|(error, _)| {
            reports.answered();
            let full = code(&error) == RDKafkaErrorCode::QueueFull;
            let context = if full { "too much waits for the brokers" } else { "the message was not taken" };
            AppendError::Refused(unavailable(context, error, &self.health))
        })
    }

    /// Only what is known not to be stored is refused.
    fn refusal(&self, code: RDKafkaErrorCode) -> AppendError {
        let error =
            unavailable("the broker refused the message", KafkaError::MessageProduction(code), &self.health);
        match code {
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::PurgeQueue => AppendError::Refused(error),
            _ => AppendError::Unknown(error),
        }
    }
}

/// Passes reports on until nobody has the producer any more, whose end is here then.
fn serve(producer: &Weak<BaseProducer<Reports>>) {
    while let Some(producer) = producer.upgrade() {
        producer.poll(SLEEP);
    }
}
