//! The log in the middle, whichever it is.

pub(crate) mod embedded;
#[cfg(feature = "kafka")]
mod kafka;

use std::sync::Arc;

use logmill_admin::{Delivery, Part, Tally};
use logmill_queue::Queue;
use logmill_queue::embedded::EmbeddedQueue;
use logmill_world::World;
use prometheus::Registry;

use crate::exit::{CONFIG, Failure};
use crate::settings::{QueueKind, Settings};

/// An open log.
pub(super) enum Log {
    Embedded(Arc<EmbeddedQueue>),
    #[cfg(feature = "kafka")]
    Kafka(kafka::KafkaLog),
}

impl Log {
    pub(super) fn open(world: &World, settings: &Settings) -> anyhow::Result<Self> {
        match settings.queue.kind {
            QueueKind::Embedded => embedded::open(world, settings).map(Self::Embedded),
            #[cfg(feature = "kafka")]
            QueueKind::Kafka => kafka::KafkaLog::open(world, settings).map(Self::Kafka),
            #[cfg(not(feature = "kafka"))]
            QueueKind::Kafka => Err(not_built().into()),
        }
    }

    pub(super) fn queue(&self) -> Arc<dyn Queue> {
        match self {
            Self::Embedded(queue) => queue.clone(),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.queue(),
        }
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        match self {
            Self::Embedded(queue) => vec![embedded::part(queue)],
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.parts(),
        }
    }

    /// What it reads of itself.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        match self {
            Self::Embedded(_) => Vec::new(),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.deliveries(),
        }
    }

    /// Waits for what the log was given and has not answered for yet.
    pub(super) async fn close(self) {
        match self {
            Self::Embedded(_) => {}
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.close().await,
        }
    }

    /// Counters of its own.
    pub(super) fn tallies(&self, registry: &Registry) -> anyhow::Result<Vec<Tally>> {
        match self {
            Self::Embedded(queue) => Ok(vec![embedded::syncs(registry, queue)?]),
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => Ok(Vec::new()),
        }
    }
}

#[cfg(feature = "kafka")]
pub(crate) use kafka::{open_to_look, reach};

/// Without librdkafka there is nobody to ask.
#[cfg(not(feature = "kafka"))]
pub(crate) async fn reach(_: &World, _: &Settings) -> anyhow::Result<String> {
    Err(not_built().into())
}

#[cfg(not(feature = "kafka"))]
pub(crate) fn not_built() -> Failure {
    Failure::new(
        CONFIG,
        "queue.kind: kafka is not in this build; build it with the cargo feature `kafka`, which is on by default",
    )
}

/// Commands that work on the files of the embedded log say so where there are none, and what to use `instead`.
pub(crate) fn needs_files(settings: &Settings, instead: &str) -> anyhow::Result<()> {
    if settings.queue.kind == QueueKind::Embedded {
        return Ok(());
    }
    let text = format!(
        "queue.kind: this works on the files of the embedded log, and the log is Kafka here; {instead}"
    );
    Err(Failure::new(CONFIG, text).into())
}
