//! Kafka as the log.

use std::sync::Arc;
use std::time::Duration;

use logmill_admin::{Delivery, Part, PartState};
use logmill_queue::{Queue, QueueError, Topic};
use logmill_queue_kafka::{KafkaConfig, KafkaQueue, KeyIndex};
use logmill_world::World;

use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::settings::{Role, Settings};

/// The brokers are looked at so often.
const LOOK: Duration = Duration::from_secs(5);

/// What batches with a key wait for, as a part of the process, and the folder of what does not fit into memory; for web logs and
/// for OpenTelemetry logs.
const KEYS: &str = "keys";
const OTLP_KEYS: &str = "keys-otlp";

/// Kafka, and the part that this process takes in deciding about keys.
pub(in crate::serve) struct KafkaLog {
    queue: Arc<KafkaQueue>,
    keys: Vec<(&'static str, KeyIndex)>,
}

impl KafkaLog {
    /// Who takes batches takes part in deciding about their keys: there is no role that could be forgotten.
    pub(super) fn open(world: &World, settings: &Settings) -> anyhow::Result<Self> {
        let queue = open(world, settings)?;
        watch(world, &queue, Topic::new(&settings.web.topic)?);
        let doors =
            [(Role::Ingest, KEYS, &settings.web.topic), (Role::Otlp, OTLP_KEYS, &settings.otlp.topic)];
        let mut keys = Vec::new();
        for (role, name, topic) in doors {
            if settings.roles.has(role) {
                let (dir, horizon) = (settings.data_dir.join(name), settings.idempotency.horizon);
                let topic = Topic::new(topic)?;
                keys.push((name, KeyIndex::join(world, queue.clone(), &topic, dir, horizon)?));
            }
        }
        Ok(Self { queue, keys })
    }

    pub(super) fn queue(&self) -> Arc<dyn Queue> {
        self.queue.clone()
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        let (queue, mut parts) = (self.queue.clone(), Vec::new());
        parts.push(Part::new("queue", move || state(queue.trouble())));
        for (name, keys) in &self.keys {
            let status = keys.status();
            // Who takes web logs only need not make topics for the keys of others.
            let is_needed = *name == KEYS;
            parts.push(Part::new(name, move || match status.trouble() {
                Some(error) if !is_needed => PartState::Notice(error.to_string()),
                trouble => state(trouble),
            }));
        }
        parts
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let delivery = |(name, keys): &(&str, KeyIndex)| {
            let ((topic, group), queue) = (keys.reads(), self.queue());
            Delivery { name: (*name).to_owned(), topic, group, queue, sink: None }
        };
        self.keys.iter().map(delivery).collect()
    }

    pub(super) async fn close(self) {
        for (_, keys) in self.keys {
            keys.close().await;
        }
        self.queue.close().await;
    }
}

fn state(trouble: Option<QueueError>) -> PartState {
    trouble.map_or(PartState::Ready, |error| PartState::Failing(error.to_string()))
}

/// Connects in the background: brokers that are away make the process unready, not end.
fn open(world: &World, settings: &Settings) -> anyhow::Result<Arc<KafkaQueue>> {
    connect(world, config(settings))
}

/// The same for a command that only looks: an absent topic is an error, whatever the settings allow.
pub(crate) fn open_to_look(world: &World, settings: &Settings) -> anyhow::Result<Arc<KafkaQueue>> {
    connect(world, KafkaConfig { create_topics: false, ..config(settings) })
}

fn connect(world: &World, config: KafkaConfig) -> anyhow::Result<Arc<KafkaQueue>> {
    let queue = KafkaQueue::new(world, config);
    let queue = queue.map_err(|error| Failure::new(CONFIG, format!("queue.kafka: {error}")))?;
    Ok(Arc::new(queue))
}

fn config(settings: &Settings) -> KafkaConfig {
    let kafka = &settings.queue.kafka;
    KafkaConfig {
        brokers: kafka.brokers.clone(),
        topic_prefix: kafka.topic_prefix.clone(),
        partitions: u16::try_from(kafka.partitions).unwrap_or(u16::MAX),
        replication: kafka.replication.and_then(|replicas| u16::try_from(replicas).ok()),
        create_topics: kafka.create_topics,
        max_payload: u32::try_from(settings.max_queue_payload()).unwrap_or(u32::MAX),
        in_flight_bytes: settings.limits.max_in_flight_bytes,
        horizon: settings.idempotency.horizon,
        verdict_timeout: settings.idempotency.verdict_timeout,
        properties: properties(settings),
    }
}

/// Settings that librdkafka has under names of its own.
fn properties(settings: &Settings) -> Vec<(String, String)> {
    let (tls, sasl) = (&settings.queue.kafka.tls, &settings.queue.kafka.sasl);
    let protocol = match (tls.enabled, sasl.mechanism.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    let mut properties = vec![("security.protocol".to_owned(), protocol.to_owned())];
    let mut set = |name: &str, value: String| properties.push((name.to_owned(), value));
    set("compression.type", settings.queue.kafka.compression.to_owned());
    let files = [
        ("ssl.ca.location", &tls.ca),
        ("ssl.certificate.location", &tls.certificate),
        ("ssl.key.location", &tls.key),
    ];
    for (name, file) in files {
        if let Some(file) = file {
            set(name, file.to_string_lossy().into_owned());
        }
    }
    if let Some(mechanism) = sasl.mechanism {
        set("sasl.mechanism", mechanism.to_owned());
        set("sasl.username", sasl.username.clone());
        set("sasl.password", sasl.password.clone());
    }
    properties
}

/// Looks at the brokers all the time, so that readiness is right also while nobody sends anything.
fn watch(world: &World, queue: &Arc<KafkaQueue>, topic: Topic) {
    let (world, queue) = (world.clone(), Arc::downgrade(queue));
    tokio::spawn(async move {
        while let Some(queue) = queue.upgrade() {
            queue.look(&topic).await;
            drop(queue);
            world.clock().sleep(LOOK).await;
        }
    });
}

/// Asks the brokers for the topic of web logs: what is wrong is said here, and not at the first batch.
pub(crate) async fn reach(world: &World, settings: &Settings) -> anyhow::Result<String> {
    let (queue, topic) = (open(world, settings)?, Topic::new(&settings.web.topic)?);
    let brokers = &settings.queue.kafka.brokers;
    let failed = |error| Failure::new(UNAVAILABLE, format!("queue.kafka.brokers: {brokers}: {error}"));
    queue.check(&topic).await.map_err(failed)?;
    let partitions = queue.partitions(&topic).await.map_err(failed)?.len();
    let prefix = &settings.queue.kafka.topic_prefix;
    Ok(format!("{brokers}: the topic {prefix}{topic} has {partitions} partitions"))
}
