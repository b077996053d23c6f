//! A door under load and workers on one bucket.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::kafka;
use logmill_testkit::services::proxy::FaultyProxy;
use logmill_testkit::services::s3::{Kind, S3};
use serde_json::Value;

use super::{BUCKET, copy, on_kafka, on_store};
use crate::kafka::{Load, SESSION, drained};
use crate::samples::number;

/// The partitions of the topic.
pub(crate) const PARTITIONS: usize = 4;

/// Partition → records that a sink delivered, by the worker's own ledger. It has what the owners before it delivered as well.
pub(crate) fn delivered(worker: &Server, sink: &str) -> BTreeMap<u64, u64> {
    let row = worker.ledger_of(sink);
    let rows = row["partitions"].as_array().cloned().unwrap_or_default();
    let number = |row: &Value, name: &str| row[name].as_u64().unwrap_or_default();
    rows.iter().map(|row| (number(row, "partition"), number(row, "delivered"))).collect()
}

/// What all parts share, and what is random.
pub(super) struct Lake {
    pub(super) load: Load,
    pub(super) rng: Rng,
    pub(super) proxy: FaultyProxy,
    store: S3,
    brokers: String,
    prefix: &'static str,
}

impl Lake {
    /// An empty bucket that keeps the condition of a put, behind a proxy that is made of its address and the seed. The log
    /// is on the one broker of all tests.
    pub(super) fn new(prefix: &'static str, proxy: impl FnOnce(&str, u64) -> FaultyProxy) -> Self {
        Self::on(kafka::shared().brokers(), prefix, proxy)
    }

    /// The same with the log on these brokers.
    pub(super) fn on(
        brokers: String,
        prefix: &'static str,
        proxy: impl FnOnce(&str, u64) -> FaultyProxy,
    ) -> Self {
        let seed = number("LOGMILL_TEST_SEED", 1);
        let store = S3::start(Kind::Conditional, BUCKET);
        let proxy = proxy(&store.endpoint(), seed);
        Self { load: Load::new(seed), rng: Rng::with_seed(seed), proxy, store, brokers, prefix }
    }

    /// A process with a folder and roles of its own.
    pub(super) fn part(&self, name: &str, roles: &str) -> Setup {
        let dir = self.load.folder.path().join(name);
        let setup = on_kafka(&dir, &self.brokers, self.prefix);
        let setup = setup.set(&format!("queue.kafka.partitions={PARTITIONS}"));
        on_store(setup, &self.store, &self.proxy.endpoint()).argument("--roles").argument(roles)
    }

    /// The load is over: one worker after the other ends in order, the last one has taken all over and delivered it. The
    /// bucket is then copied to where the load's data are; answers the last one's ledger.
    pub(super) fn hand_over(&self, mut door: Server, workers: Vec<Server>) -> Value {
        assert_eq!(door.stop(), Some(0), "{}", door.output());
        let seen: BTreeSet<u64> =
            workers.iter().flat_map(|worker| delivered(worker, "files").into_keys()).collect();
        let mut workers = workers.into_iter();
        let mut last = workers.next().expect("there is a worker");
        for mut worker in workers {
            assert_eq!(worker.stop(), Some(0), "{}", worker.output());
        }
        // The group has nothing left before the last one was given what the others gave back.
        eventually("the last one has all partitions", SESSION, || {
            let own = delivered(&last, "files");
            seen.iter().all(|partition| own.contains_key(partition)).then_some(())
        });
        let ledger = drained(&last);
        assert_eq!(last.stop(), Some(0), "{}", last.output());
        copy(&self.store, &self.load.data());
        ledger
    }

    /// As above; the bucket holds what was acknowledged, and the last one's ledger agrees.
    pub(super) fn end(&self, door: Server, workers: Vec<Server>) {
        let ledger = self.hand_over(door, workers);
        println!("acknowledged: {:?}", self.load.acks.figures());
        self.load.is_good(&ledger);
        assert!(self.load.acks.figures().0 > 60, "there was no load");
    }
}
