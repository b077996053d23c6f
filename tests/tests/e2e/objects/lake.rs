//! A door under load and workers on one bucket.

use fastrand::Rng;
use logmill_e2e::{Server, Setup};
use logmill_testkit::services::kafka;
use logmill_testkit::services::proxy::FaultyProxy;
use logmill_testkit::services::s3::{Kind, S3};

use super::{BUCKET, copy, on_kafka, on_store};
use crate::kafka::{Load, drained};
use crate::samples::number;

/// The partitions of the topic.
pub(super) const PARTITIONS: usize = 4;

/// What all parts share, and what is random.
pub(super) struct Lake {
    pub(super) load: Load,
    pub(super) rng: Rng,
    pub(super) proxy: FaultyProxy,
    store: S3,
    prefix: &'static str,
}

impl Lake {
    /// An empty bucket that keeps the condition of a put, behind a proxy that is made of its address and the seed.
    pub(super) fn new(prefix: &'static str, proxy: impl FnOnce(&str, u64) -> FaultyProxy) -> Self {
        let seed = number("LOGMILL_TEST_SEED", 1);
        let store = S3::start(Kind::Conditional, BUCKET);
        let proxy = proxy(&store.endpoint(), seed);
        Self { load: Load::new(seed), rng: Rng::with_seed(seed), proxy, store, prefix }
    }

    /// A process with a folder and roles of its own.
    pub(super) fn part(&self, name: &str, roles: &str) -> Setup {
        let dir = self.load.folder.path().join(name);
        let setup = on_kafka(&dir, &kafka::shared().brokers(), self.prefix);
        let setup = setup.set(&format!("queue.kafka.partitions={PARTITIONS}"));
        on_store(setup, &self.store, &self.proxy.endpoint()).argument("--roles").argument(roles)
    }

    /// The load is over: one worker after the other ends in order, the last one has taken all over and delivered it. The
    /// bucket then holds what was acknowledged, and the last one's ledger agrees.
    pub(super) fn end(&self, mut door: Server, workers: Vec<Server>) {
        assert_eq!(door.stop(), Some(0), "{}", door.output());
        let mut workers = workers.into_iter();
        let mut last = workers.next().expect("there is a worker");
        for mut worker in workers {
            assert_eq!(worker.stop(), Some(0), "{}", worker.output());
        }
        let ledger = drained(&last);
        assert_eq!(last.stop(), Some(0), "{}", last.output());
        copy(&self.store, &self.load.data());
        println!("acknowledged: {:?}", self.load.acks.figures());
        self.load.is_good(&ledger);
        assert!(self.load.acks.figures().0 > 60, "there was no load");
    }
}
