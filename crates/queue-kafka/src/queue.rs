//! The handle that everybody holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{
    Append, AppendError, Appended, BoxFuture, Class, Committed, Depth, Group, Key, LogId, Offset, Partition,
    Position, Queue, QueueError, QueueLimits, Route, Scan, Start, StartError, Subscription, Topic,
};
use logmill_world::World;
use rdkafka::consumer::BaseConsumer;

use crate::blocking::Detached;
use crate::client::{Context, Health};
use crate::config::KafkaConfig;
use crate::keys::{self, Beside, Verdicts, Waiter};
use crate::member;
use crate::message;
use crate::producer::Producers;
use crate::scan::KafkaScan;
use crate::topics::{Known, Topics};

/// A position beyond the end is believed after the end was asked for during this time: a broker that has just become
/// the leader may not know yet how far the log goes.
const DOUBT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(200);

/// Kafka, or Redpanda, as the log.
pub struct KafkaQueue {
    shared: Arc<Shared>,
}

/// What the queue, its members and its readers share.
pub(crate) struct Shared {
    pub world: World,
    pub config: KafkaConfig,
    pub health: Health,
    pub topics: Topics,
    pub producers: Producers,
    verdicts: Verdicts,
    /// What the last look at the brokers found.
    trouble: Mutex<Option<QueueError>>,
    /// Clients that ask for the positions of a group they are no members of.
    positions: Mutex<HashMap<Group, Arc<Asker>>>,
}

/// A client that knows a group but is no member.
pub(crate) type Asker = Detached<Arc<BaseConsumer<Context>>>;

impl KafkaQueue {
    /// A queue on these brokers. Connects in the background: brokers that are away are no error here.
    ///
    /// # Errors
    /// A property that librdkafka does not know or take.
    pub fn new(world: &World, config: KafkaConfig) -> Result<Self, QueueError> {
        let health = Health::default();
        let invalid =
            |error| QueueError::caused(Class::Invalid, "the settings of Kafka are not valid", error);
        let topics = Topics::new(world, &config, &health).map_err(invalid)?;
        let producers = Producers::new(world, &config, &health);
        // Also for who only reads: it is the client that tells at once what is wrong with a broker.
        producers.of(config.max_message())?;
        let shared = Shared {
            world: world.clone(),
            config,
            health,
            topics,
            producers,
            verdicts: Verdicts::default(),
            trouble: Mutex::default(),
            positions: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Why nothing can be stored at the moment, if nothing can: no broker acknowledges, or the last look failed.
    #[must_use]
    pub fn trouble(&self) -> Option<QueueError> {
        self.shared.producers.trouble().or_else(|| self.shared.found().clone())
    }

    /// Looks at the brokers: `trouble` tells from then on what was wrong with `topic`. Meant to be called again and again;
    /// says in the log when something changes.
    pub async fn look(&self, topic: &Topic) {
        let shared = &self.shared;
        let found = match shared.topics.open(topic).await {
            Ok(_) => shared.topics.look(topic).await.err(),
            Err(error) => Some(error),
        };
        let before = std::mem::replace(&mut *shared.found(), found.clone());
        match (before, found) {
            (None, Some(error)) => tracing::warn!(%error, "the brokers cannot be worked with"),
            (Some(_), None) => tracing::info!("the brokers can be worked with again"),
            _ => {}
        }
    }

    /// Waits for the acknowledgement of what was given to the brokers, for some seconds at most.
    pub async fn close(&self) {
        self.shared.producers.close().await;
    }

    /// Asks for a topic, and creates it if it is absent: what would fail later fails here, with the reason.
    ///
    /// # Errors
    /// The brokers cannot be reached, or the topic is absent and may not be created.
    pub async fn check(&self, topic: &Topic) -> Result<(), QueueError> {
        self.shared.topics.open(topic).await.map(drop)
    }

    /// Whether a topic exists. Never creates it.
    ///
    /// # Errors
    /// The brokers cannot be reached.
    pub async fn is_there(&self, topic: &Topic) -> Result<bool, QueueError> {
        Ok(self.shared.topics.find(topic).await?.is_some())
    }
}

impl Shared {
    fn found(&self) -> std::sync::MutexGuard<'_, Option<QueueError>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a frame goes.
    pub(crate) fn place(&self, topic: &Known, route: Route) -> Result<Partition, QueueError> {
        match route {
            Route::Hash(hash) => {
                Ok(Partition(u16::try_from(hash % u64::from(topic.partitions.max(1))).unwrap_or_default()))
            }
            Route::To(partition) if partition.0 < topic.partitions => Ok(partition),
            Route::To(partition) => {
                let reason = format!("the topic {} has no partition {partition}", topic.name);
                Err(QueueError::new(Class::Invalid, reason))
            }
        }
    }

    /// The offset at which reading begins, after all that could be wrong with it was looked at.
    pub(crate) async fn resolve(
        &self,
        topic: &Topic,
        partition: Partition,
        expected: LogId,
        at: Start,
    ) -> Result<Offset, StartError> {
        let known = self.topics.look(topic).await?;
        let asked = match at {
            Start::At(log, _) if log != known.log => {
                return Err(StartError::OtherLog { asked: log, found: known.log });
            }
            _ if expected != known.log => {
                return Err(StartError::OtherLog { asked: expected, found: known.log });
            }
            Start::At(_, asked) => asked,
            Start::Oldest => return Ok(self.topics.bounds(&known, partition).await?.0),
            Start::End => return Ok(self.topics.bounds(&known, partition).await?.1),
        };
        let deadline = self.world.clock().monotonic() + DOUBT;
        loop {
            let (oldest, end) = self.topics.bounds(&known, partition).await?;
            if asked < oldest {
                return Err(StartError::Expired { asked, oldest });
            }
            if asked <= end {
                return Ok(asked);
            }
            if self.world.clock().monotonic() >= deadline {
                return Err(StartError::Beyond { asked, end });
            }
            self.world.clock().sleep(PAUSE).await;
        }
    }

    async fn store(&self, append: Append) -> Result<Appended, AppendError> {
        let Some(key) = append.header.key else { return self.send(&append).await.map(Appended::New) };
        let mut append = append;
        let waiter = self.stage(&mut append, &key).await.map_err(AppendError::Refused)?;
        let staged = self.send(&append).await?;
        Ok(tokio::select! {
            biased;
            verdict = decided(waiter, &key, staged) => verdict,
            () = self.world.clock().sleep(self.config.verdict_timeout) => Appended::Undecided(staged),
        })
    }

    /// Turns an append with a key to where keys are decided, and begins to wait for the verdict.
    async fn stage(&self, append: &mut Append, key: &Key) -> Result<Waiter, QueueError> {
        let Beside { staged, verdicts } = Beside::of(&append.topic)?;
        self.verdicts.follow(&self.world, &self.config, &self.health, &self.topics, &verdicts).await?;
        // What the index could not pass on must not be staged.
        message::outgoing(append, self.config.max_payload, &*self.topics.open(&append.topic).await?)?;
        let partitions = self.topics.open(&staged).await?.partitions;
        append.route = Route::To(Partition(keys::partition_of(&key.hash, partitions)));
        append.topic = staged;
        Ok(self.verdicts.wait_for(key.hash))
    }

    async fn send(&self, append: &Append) -> Result<Position, AppendError> {
        let known = self.topics.open(&append.topic).await.map_err(AppendError::Refused)?;
        let message =
            message::outgoing(append, self.config.max_payload, &known).map_err(AppendError::Refused)?;
        let partition = self.place(&known, append.route).map_err(AppendError::Refused)?;
        let producer = self.producers.of(known.max_message).map_err(AppendError::Refused)?;
        let (partition, offset) = producer.send(&known.name, partition, message).await?;
        Ok(Position { log: known.log, partition, offset })
    }

    fn asker(&self, group: &Group) -> Result<Arc<Asker>, QueueError> {
        let mut askers = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = askers.get(group) {
            return Ok(asker.clone());
        }
        let config = self.config.member(group.as_str(), 0, 1);
        let consumer = config
            .create_with_context(Context(self.health.clone()))
            .map_err(|e| QueueError::caused(Class::Unavailable, "a client of Kafka cannot be made", e))?;
        let asker = Arc::new(Detached::new(&self.world, Arc::new(consumer)));
        askers.insert(group.clone(), asker.clone());
        Ok(asker)
    }

    async fn committed(
        &self,
        topic: &Topic,
        group: &Group,
    ) -> Result<Vec<(Partition, Committed)>, QueueError> {
        let known = self.topics.open(topic).await?;
        member::positions(&*self.asker(group)?, &known, &self.health).await
    }
}

/// What becomes of the frame that was staged here. Never ends if it cannot be known any more.
async fn decided(mut waiter: Waiter, key: &Key, staged: Position) -> Appended {
    let Position { log, partition, offset } = staged;
    while let Some(verdict) = waiter.next().await {
        if let Some(appended) = verdict.about(key, offset, log, partition) {
            return appended;
        }
    }
    std::future::pending().await
}

impl Queue for KafkaQueue {
    fn limits(&self) -> QueueLimits {
        let max_payload = self.shared.config.max_payload.into();
        QueueLimits { max_payload, counts_records: false, shares_partitions: true, relays_anywhere: true }
    }

    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError> {
        let unknown =
            || QueueError::new(Class::Unavailable, format!("the topic {topic} was not asked for yet"));
        self.shared.topics.known(topic).map(|known| known.log).ok_or_else(unknown)
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.shared.store(append))
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        Box::pin(async move {
            let known = self.shared.topics.open(topic).await?;
            let membership = member::join(&self.shared, topic, &known, group, budget)?;
            Ok(Box::new(membership) as Box<dyn Subscription>)
        })
    }

    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        Box::pin(async move {
            let shared = &self.shared;
            let known = shared.topics.open(topic).await?;
            let from = shared.resolve(topic, partition, known.log, from).await?;
            let (_, end) = shared.topics.bounds(&known, partition).await?;
            let place = (known.name.as_str(), partition);
            let mut scan = KafkaScan::new(&shared.world, &shared.config, &shared.health, place, (from, end))
                .map_err(|e| QueueError::caused(Class::Unavailable, "a client of Kafka cannot be made", e))?;
            scan.begin().await?;
            Ok(Box::new(scan) as Box<dyn Scan>)
        })
    }

    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>> {
        Box::pin(async move {
            let known = self.shared.topics.open(topic).await?;
            Ok((0..known.partitions).map(Partition).collect())
        })
    }

    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>> {
        Box::pin(async move {
            let known = self.shared.topics.open(topic).await?;
            self.shared.topics.bounds(&known, partition).await
        })
    }

    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, Committed)>, QueueError>> {
        Box::pin(self.shared.committed(topic, group))
    }

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        Box::pin(async move {
            let frames = self.lags(topic, group).await?.into_iter().map(|(_, lag)| lag).sum();
            Ok(Depth { frames, records: None })
        })
    }
}
