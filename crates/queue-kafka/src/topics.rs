//! The topics on the brokers: their ids, their partitions, and making those that are absent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{Class, LogId, Offset, Partition, QueueError, Topic};
use logmill_world::World;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use crate::blocking::{Detached, blocking};
use crate::client::{Context, Health};
use crate::config::{KafkaConfig, REQUEST};
use crate::error::{code, unavailable};
use crate::keys;
use crate::native::{self, Described};

/// How long to wait for a broker that is asked something a caller waits for.
const ASK: Duration = Duration::from_secs(5);
/// After a failure nobody asks again for so long: the callers would only queue up.
const PAUSE: Duration = Duration::from_secs(1);
/// What is of no use behind the horizon is kept for this much longer: brokers go by clocks of their own.
const SPARE: Duration = Duration::from_hours(1);
/// A topic that was created is known to all brokers a little later.
const SPREAD: (u32, Duration) = (50, Duration::from_millis(100));

/// The client that asks.
pub(crate) type Probe = BaseConsumer<Context>;

/// A topic that is there.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its name on the brokers.
    pub name: String,
    pub log: LogId,
    pub partitions: u16,
    /// The largest message that it takes, in bytes, and the largest set of messages.
    pub max_message: u64,
}

/// All topics that were asked for.
pub(crate) struct Topics {
    world: World,
    config: KafkaConfig,
    health: Health,
    probe: Detached<Arc<Probe>>,
    known: Mutex<HashMap<Topic, Arc<Known>>>,
    /// One at a time asks for what is not known; the last failure and when it was.
    asking: tokio::sync::Mutex<Option<(Duration, QueueError)>>,
}

impl Topics {
    pub(crate) fn new(world: &World, config: &KafkaConfig, health: &Health) -> KafkaResult<Self> {
        let probe: Probe = config.probe().create_with_context(Context(health.clone()))?;
        Ok(Self {
            world: world.clone(),
            config: config.clone(),
            health: health.clone(),
            probe: Detached::new(world, Arc::new(probe)),
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// The topic, if it was asked for before.
    pub(crate) fn known(&self, topic: &Topic) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

    /// The topic; asks for it the first time, and creates it if it is absent and may be created.
    pub(crate) async fn open(&self, topic: &Topic) -> Result<Arc<Known>, QueueError> {
        if let Some(known) = self.known(topic) {
            return Ok(known);
        }
        let mut asking = self.asking.lock().await;
        if let Some(known) = self.known(topic) {
            return Ok(known);
        }
        let now = self.world.clock().monotonic();
        if let Some((_, error)) = asking.as_ref().filter(|(at, _)| now.saturating_sub(*at) < PAUSE) {
            return Err(error.clone());
        }
        let found = self.find_or_create(topic).await;
        *asking = found.as_ref().err().map(|error| (self.world.clock().monotonic(), error.clone()));
        found
    }

    /// The topic as it is now: it may have been deleted and created again.
    pub(crate) async fn look(&self, topic: &Topic) -> Result<Arc<Known>, QueueError> {
        self.find(topic).await?.ok_or_else(|| self.absent(topic))
    }

    async fn find_or_create(&self, topic: &Topic) -> Result<Arc<Known>, QueueError> {
        let name = self.config.name(topic.as_str());
        if let Some(known) = self.find(topic).await? {
            return Ok(self.limited(topic, &known).await);
        }
        if !self.config.create_topics {
            return Err(self.absent(topic));
        }
        self.create(topic).await?;
        let (times, pause) = SPREAD;
        for _ in 0..times {
            if let Some(known) = self.find(topic).await? {
                return Ok(self.limited(topic, &known).await);
            }
            self.world.clock().sleep(pause).await;
        }
        let reason = format!("the topic {name} was created, but the brokers do not know it yet");
        Err(QueueError::new(Class::Unavailable, reason))
    }

    /// The topic as it is now, if there is one.
    pub(crate) async fn find(&self, topic: &Topic) -> Result<Option<Arc<Known>>, QueueError> {
        let name = self.config.name(topic.as_str());
        let (asked, health) = (name.clone(), self.health.clone());
        let found = self
            .ask(move |probe| match native::describe(probe.client(), &asked, ASK) {
                Ok(described) => Ok(Some((probe.client().fetch_cluster_id(ASK), described))),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(unavailable(
                    &format!("the brokers do not answer for the topic {asked}"),
                    error,
                    &health,
                )),
            })
            .await?;
        self.health.recovered();
        let Some((cluster, described)) = found else { return Ok(None) };
        let known = Arc::new(Known {
            log: log_id(cluster.as_deref(), &name, &described)?,
            partitions: u16::try_from(described.partitions).unwrap_or(u16::MAX),
            max_message: self.known(topic).map_or(self.config.max_message(), |known| known.max_message),
            name,
        });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.clone(), known.clone());
        Ok(Some(known))
    }

    /// The topic with the limit that it has. Who may not read a topic's settings goes by its own.
    async fn limited(&self, topic: &Topic, known: &Known) -> Arc<Known> {
        let max_message = self.ask_for_limit(&known.name).await.unwrap_or(self.config.max_message());
        let Known { name, log, partitions, .. } = known;
        let known = Arc::new(Known { name: name.clone(), log: *log, partitions: *partitions, max_message });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.clone(), known.clone());
        known
    }

    async fn ask_for_limit(&self, name: &str) -> Option<u64> {
        let admin = self.admin().ok()?;
        let options = AdminOptions::new().request_timeout(Some(ASK));
        let asked = admin.get()?.describe_configs([&ResourceSpecifier::Topic(name)], &options).await;
        let found = asked.ok()?.into_iter().next()?.ok()?;
        found.get("max.message.bytes")?.value.as_ref()?.parse().ok()
    }

    fn admin(&self) -> KafkaResult<Detached<AdminClient<Context>>> {
        let admin = self.config.admin().create_with_context(Context(self.health.clone()))?;
        Ok(Detached::new(&self.world, admin))
    }

    fn absent(&self, topic: &Topic) -> QueueError {
        let name = self.config.name(topic.as_str());
        let (partitions, max) = (self.config.partitions, self.config.max_message());
        let kept = (self.config.horizon + SPARE).as_millis();
        let cleanup = if keys::is_forgotten(topic) {
            format!(" --config cleanup.policy=[compact,delete] --config retention.ms={kept}")
        } else {
            String::new()
        };
        let reason = format!(
            "the topic {name} does not exist; create it: kafka-topics.sh --bootstrap-server {} --create --topic {name} \
             --partitions {partitions} --config max.message.bytes={max}{cleanup}",
            self.config.brokers
        );
        QueueError::new(Class::Unavailable, reason)
    }

    async fn create(&self, topic: &Topic) -> Result<(), QueueError> {
        let name = self.config.name(topic.as_str());
        let refused = |error| {
            let context = format!("the topic {name} does not exist and cannot be created");
            unavailable(&context, error, &self.health)
        };
        let admin = self.admin().map_err(refused)?;
        let Some(client) = admin.get() else { return Ok(()) };
        let replication = self.config.replication.map_or(-1, i32::from);
        // One replica may be away; a single one is all there is.
        let in_sync = if replication == 1 { "1" } else { "2" };
        let max = self.config.max_message().to_string();
        let new =
            NewTopic::new(&name, i32::from(self.config.partitions), TopicReplication::Fixed(replication))
                .set("max.message.bytes", &max)
                .set("unclean.leader.election.enable", "false");
        let new = if replication < 0 { new } else { new.set("min.insync.replicas", in_sync) };
        let kept = (self.config.horizon + SPARE).as_millis().to_string();
        let new = if keys::is_forgotten(topic) {
            new.set("cleanup.policy", "compact,delete").set("retention.ms", &kept)
        } else {
            new
        };
        let options = AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST));
        let results = client.create_topics([&new], &options).await.map_err(refused)?;
        match results.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(refused(KafkaError::AdminOp(code)))
            }
            _ => Ok(()),
        }
    }

    /// The oldest offset that is kept and the next one; open transactions count. Waits while a leader is being elected.
    pub(crate) async fn bounds(
        &self,
        topic: &Known,
        partition: Partition,
    ) -> Result<(Offset, Offset), QueueError> {
        let until = self.world.clock().monotonic() + ASK;
        loop {
            let name = topic.name.clone();
            let asked = move |probe: &Probe| Ok(probe.fetch_watermarks(&name, i32::from(partition.0), ASK));
            match self.ask(asked).await? {
                Ok((low, high)) => {
                    return Ok((
                        Offset::try_from(low).unwrap_or_default(),
                        Offset::try_from(high).unwrap_or_default(),
                    ));
                }
                Err(error) if has_no_leader(&error) && self.world.clock().monotonic() < until => {
                    self.world.clock().sleep(SPREAD.1).await;
                }
                Err(error) => {
                    return Err(unavailable("the ends of a partition are not known", error, &self.health));
                }
            }
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Probe) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        match self.probe.get().cloned() {
            Some(probe) => blocking(move || question(&probe)).await,
            None => Err(QueueError::new(Class::Bug, "the client has ended")),
        }
    }
}

fn is_absent(error: &KafkaError) -> bool {
    code(error) == RDKafkaErrorCode::UnknownTopicOrPartition
}

/// The partition has no leader, or another one than the client thinks; a topic that was just created as well.
fn has_no_leader(error: &KafkaError) -> bool {
    matches!(
        code(error),
        RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::LeaderNotAvailable
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
    )
}

fn log_id(cluster: Option<&str>, name: &str, described: &Described) -> Result<LogId, QueueError> {
    if described.id == [0; 16] {
        let reason = format!("the brokers give the topic {name} no id; logmill needs Kafka 2.8 or later");
        return Err(QueueError::new(Class::Unavailable, reason));
    }
    let Some(cluster) = cluster else {
        return Err(QueueError::new(Class::Unavailable, "the brokers have not told the id of their cluster"));
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(cluster.as_bytes()).update(&[0]).update(&described.id);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    Ok(LogId(id))
}
