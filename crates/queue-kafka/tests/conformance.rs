//! The conformance suite of `Queue` on a real broker. Each case has topics and groups of its own.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)] // This is the outside, in a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use logmill_queue::{BoxFuture, Queue, Topic};
use logmill_queue_kafka::{KafkaConfig, KafkaQueue, KeyIndex};
use logmill_testkit::queue::{Abilities, Case, Harness};
use logmill_testkit::services::kafka;
use logmill_world::{Micros, World};

/// Counts the cases of this run; the broker is new each time.
static CASES: AtomicU32 = AtomicU32::new(0);

const HORIZON: Duration = Duration::from_hours(24);
/// A longer time is not waited for: the frames that come behind it only say so.
const LONG: Duration = Duration::from_secs(60);

struct Kafka {
    world: World,
    config: KafkaConfig,
    /// Time that only seems to have passed, in microseconds.
    ahead: AtomicI64,
    keys: tempfile::TempDir,
    index: Option<KeyIndex>,
}

fn run(case: Case) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let config = KafkaConfig {
        brokers: kafka::shared().brokers(),
        topic_prefix: format!("case-{}.", CASES.fetch_add(1, Ordering::Relaxed)),
        partitions: 2,
        replication: Some(1),
        create_topics: true,
        max_payload: 256 * 1024,
        in_flight_bytes: 64 << 20,
        horizon: HORIZON,
        verdict_timeout: Duration::from_secs(20),
        properties: Vec::new(),
    };
    let (world, keys) = (World::real(), tempfile::tempdir().unwrap());
    let mut harness = Kafka { world, config, ahead: AtomicI64::new(0), keys, index: None };
    runtime.block_on(async { case(&mut harness).await });
}

impl Harness for Kafka {
    fn open(&mut self) -> BoxFuture<'_, Arc<dyn Queue>> {
        Box::pin(async {
            let queue = KafkaQueue::new(&self.world, self.config.clone()).unwrap();
            // `log_id` is known for topics that were asked for.
            let web = Topic::new("web").unwrap();
            queue.check(&web).await.unwrap();
            let queue: Arc<dyn Queue> = Arc::new(queue);
            if let Some(former) = self.index.take() {
                former.close().await;
            }
            let dir = self.keys.path().to_owned();
            self.index = Some(KeyIndex::join(&self.world, queue.clone(), &web, dir, HORIZON).unwrap());
            queue
        })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        // The log lives in the brokers; what a process leaves behind when it is killed is for the fault runs.
        Box::pin(async {})
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        if by < LONG {
            return Box::pin(tokio::time::sleep(by));
        }
        self.ahead.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
        Box::pin(async {})
    }

    fn now(&self) -> Micros {
        self.world.clock().wall() + self.ahead.load(Ordering::Relaxed)
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            partitions: 2,
            horizon: HORIZON,
            segment_bytes: 1 << 20,
            handover: Duration::from_secs(5),
            newest_takes_all: false,
            latency: Duration::from_millis(300),
            retention: None,
        }
    }
}

mod on_kafka {
    logmill_testkit::queue_conformance!(crate::run);
}
