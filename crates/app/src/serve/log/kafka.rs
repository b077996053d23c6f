//! Kafka as the log.

use std::sync::Arc;
use std::time::Duration;

use logmill_admin::{Part, PartState};
use logmill_queue::{Queue, Topic};
use logmill_queue_kafka::{KafkaConfig, KafkaQueue};
use logmill_world::World;

use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::settings::Settings;

/// The brokers are looked at so often.
const LOOK: Duration = Duration::from_secs(5);

/// Connects in the background: brokers that are away make the process unready, not end.
pub(super) fn open(world: &World, settings: &Settings) -> anyhow::Result<Arc<KafkaQueue>> {
    let queue = KafkaQueue::new(world, config(settings));
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

pub(super) fn part(queue: &Arc<KafkaQueue>) -> Part {
    let queue = queue.clone();
    Part::new("queue", move || {
        queue.trouble().map_or(PartState::Ready, |error| PartState::Failing(error.to_string()))
    })
}

/// Looks at the brokers all the time, so that readiness is right also while nobody sends anything.
pub(super) fn watch(world: &World, queue: &Arc<KafkaQueue>, topic: Topic) {
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
