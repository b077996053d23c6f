//! Settings of the processes that are measured on Kafka and an object store.

use logmill_testkit::services::kafka::Kafka;
use logmill_testkit::services::s3::{Kind, S3};

use crate::bodies;
use crate::load::Load;
use crate::server::Server;

/// The door alone.
pub(crate) const DOOR: [&str; 2] = ["--roles", "ingest"];
/// Kafka's own setting for a group's first members. The tests' brokers wait for nobody: who came first would read what
/// belongs to those that come a moment later.
const TOGETHER: (&str, &str) = ("group.initial.rebalance.delay.ms", "3000");

fn set(settings: impl IntoIterator<Item = String>) -> Vec<String> {
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

/// Settings that make Kafka the log, with topics of their own.
pub(crate) fn on_kafka(brokers: &str, name: &str, partitions: u16) -> Vec<String> {
    set([
        format!("queue.kafka.brokers={brokers}"),
        format!("queue.kafka.topic_prefix={}", prefix(name)),
        format!("queue.kafka.partitions={partitions}"),
    ])
}

/// In front of the topics of [`on_kafka`].
pub(crate) fn prefix(name: &str) -> String {
    format!("bench-{}-{name}.", std::process::id())
}

/// Command line of a process.
pub(crate) fn arguments<'a>(roles: &[&'a str], settings: &'a [String]) -> Vec<&'a str> {
    roles.iter().copied().chain(settings.iter().map(String::as_str)).collect()
}

/// One broker and one store, both started for this run.
pub(crate) struct Services {
    pub(crate) kafka: Kafka,
    pub(crate) store: S3,
}

impl Services {
    pub(crate) fn start() -> Self {
        Self { kafka: Kafka::start(1, &[TOGETHER]), store: S3::start(Kind::Conditional, "bench") }
    }

    /// Settings of a worker that reads the topics of `name` from the beginning, as a group of its own, and writes objects
    /// of its own that often.
    pub(crate) fn worker(&self, name: &str, group: &str, partitions: u16, interval: &str) -> Vec<String> {
        let mut all = vec!["--roles".to_owned(), "files".to_owned()];
        all.extend(on_kafka(&self.kafka.brokers(), name, partitions));
        all.extend(set([
            format!("queue.kafka.group={group}"),
            format!("files.dir=s3://{}/{group}", self.store.bucket()),
            format!("files.s3.endpoint={}", self.store.endpoint()),
            format!("files.s3.access_key={}", self.store.access_key()),
            format!("files.s3.secret_key={}", self.store.secret_key()),
            format!("files.object_interval={interval}"),
        ]));
        all
    }

    /// Posts at least so many records into the topics of `name`; answers how many they are.
    pub(crate) fn fill(&self, name: &str, partitions: u16, records: u64) -> u64 {
        let settings = on_kafka(&self.kafka.brokers(), name, partitions);
        let door = Server::logmill(&arguments(&DOOR, &settings));
        door.wait_until_ready();
        let load = Load::new(&bodies::real(1000), 16);
        let mut posted = 0;
        while posted < records {
            posted += load.run(door.address(), std::time::Duration::from_millis(200)) * load.records_a_body();
        }
        posted
    }
}

/// Starts a process with these arguments.
pub(crate) fn start(settings: &[String]) -> Server {
    Server::logmill(&arguments(&[], settings))
}

/// The value in the middle, the smallest and the largest.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}
