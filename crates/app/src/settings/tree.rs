//! The settings as types. Only `load` makes a `Settings`, so whoever holds one holds checked values.

mod files;
mod lake;
mod query;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use logmill_raw_batches::MAX_EVENT;

pub(crate) use files::{Destination, FilesSink, ObjectCodec};
pub(crate) use lake::{CatalogKind, Lake, LakeOrphans};
pub(crate) use query::Query;

/// All settings of a process, checked. Units are in the types; ranges are in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The folder of everything that is kept on this machine.
    pub(crate) data_dir: PathBuf,
    /// The parts that this process runs.
    pub(crate) roles: Roles,
    /// The HTTP listener.
    pub(crate) http: Http,
    /// Bounds of what is taken in.
    pub(crate) limits: Limits,
    /// The web-log source.
    pub(crate) web: Web,
    /// The source of OpenTelemetry logs.
    pub(crate) otlp: Otlp,
    /// The log in the middle.
    pub(crate) queue: Queue,
    /// Batches in an object store.
    pub(crate) raw_batches: RawBatches,
    /// Repeated requests.
    pub(crate) idempotency: Idempotency,
    /// The hourly files.
    pub(crate) files: FilesSink,
    /// Counts by minute, hour and day.
    pub(crate) aggregation: Aggregation,
    /// The Iceberg table.
    pub(crate) lake: Lake,
    /// SQL.
    pub(crate) query: Query,
    /// Records that cannot be delivered.
    pub(crate) dead_letters: DeadLetters,
    /// The process's own log.
    pub(crate) log: Log,
    /// How long a stop may take before what is left is left to the next start.
    pub(crate) shutdown_timeout: Duration,
}

impl Settings {
    /// A tree without values: `load` fills every field before it hands the tree out.
    pub(super) fn blank() -> Self {
        Self {
            data_dir: PathBuf::new(),
            roles: Roles::default(),
            http: Http::default(),
            limits: Limits::default(),
            web: Web::default(),
            otlp: Otlp::default(),
            queue: Queue::default(),
            raw_batches: RawBatches::default(),
            idempotency: Idempotency::default(),
            files: FilesSink::default(),
            aggregation: Aggregation::default(),
            lake: Lake::default(),
            query: Query::default(),
            dead_letters: DeadLetters::default(),
            log: Log::default(),
            shutdown_timeout: Duration::ZERO,
        }
    }
}

impl Settings {
    /// The largest payload that the queue itself has to take, in bytes: a larger batch lies in the store of raw batches, and
    /// an event is in its place.
    pub(crate) fn max_queue_payload(&self) -> u64 {
        let (all, raw) = (self.limits.max_batch_bytes, &self.raw_batches);
        if raw.url.is_empty() { all } else { all.min(raw.above).max(MAX_EVENT) }
    }
}

/// A part of logmill that a process can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Every part that the settings give something to do.
    All,
    /// Takes web logs in and writes them to the log.
    Ingest,
    /// Takes OpenTelemetry logs in and writes them to the log.
    Otlp,
    /// Writes the hourly files.
    Files,
    /// Keeps what cannot be delivered.
    DeadLetters,
    /// Counts by minute, hour and day.
    Aggregate,
    /// Writes the Iceberg table.
    Lake,
    /// Answers questions: API and web page.
    Api,
}

/// The parts that a process runs; never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles(pub(super) BTreeSet<Role>);

impl Roles {
    /// Exactly these parts, whatever was set.
    pub(crate) fn only(&mut self, roles: &[Role]) {
        self.0 = roles.iter().copied().collect();
    }

    /// Whether the process runs this part, by its name or as one of all.
    #[must_use]
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0.contains(&role) || self.0.contains(&Role::All)
    }
}

/// The listener for web logs, API, metrics, health and web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// Where it listens; port 0 lets the system choose.
    pub(crate) listen: SocketAddr,
    /// How long a request's header may take.
    pub(crate) header_timeout: Duration,
    /// How long a request's body may take.
    pub(crate) body_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub(crate) idle_timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen,
            header_timeout: Duration::ZERO,
            body_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
        }
    }
}

/// Bounds of what is taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of one batch after decompression.
    pub(crate) max_batch_bytes: u64,
    /// Records of one batch.
    pub(crate) max_batch_records: u32,
    /// Depth of objects and lists in one record.
    pub(crate) max_nesting: u32,
    /// Distinct hours that the records of one batch may lie in.
    pub(crate) max_hours_per_batch: u32,
    /// Bytes of all requests that are being worked on; at least twice `max_batch_bytes`.
    pub(crate) max_in_flight_bytes: u64,
    /// Number of requests that are being worked on.
    pub(crate) max_in_flight_requests: u32,
}

/// The web-log source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Web {
    /// The topic that it writes to; a valid topic name.
    pub(crate) topic: String,
    /// Whether a request without `x-customer-id` is refused.
    pub(crate) require_customer: bool,
}

/// The source of OpenTelemetry logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Otlp {
    /// Where OTLP/HTTP is taken beside `http.listen`. None: nowhere else.
    pub(crate) http_listen: Option<SocketAddr>,
    /// Where OTLP/gRPC is taken. None: nowhere.
    pub(crate) grpc_listen: Option<SocketAddr>,
    /// The topic that it writes to; a valid topic name, another one than that of web logs.
    pub(crate) topic: String,
}

/// Which log is in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueueKind {
    /// The log in `data_dir`.
    #[default]
    Embedded,
    /// Kafka or Redpanda.
    Kafka,
}

/// The log in the middle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Which log.
    pub(crate) kind: QueueKind,
    /// Partitions of a new topic, 1 to 1024.
    pub(crate) partitions: u32,
    /// Bytes of a segment; at least four times `Settings::max_queue_payload`.
    pub(crate) segment_bytes: u64,
    /// Bytes of consumed segments that are kept. None: 10 % of the file system, at most 50 GiB.
    pub(crate) retention_bytes: Option<u64>,
    /// How long consumed segments are kept.
    pub(crate) retention_age: Duration,
    /// Bytes of the file system that stay free. None: 1 GiB or 2 % of the file system, the smaller.
    pub(crate) reserve_bytes: Option<u64>,
    /// Kafka as the log.
    pub(crate) kafka: Kafka,
}

/// Kafka as the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kafka {
    /// Addresses of some brokers, `host:port` with commas; empty is none.
    pub(crate) brokers: String,
    /// The prefix of all consumer groups.
    pub(crate) group: String,
    /// In front of the names of topics and groups; may be empty.
    pub(crate) topic_prefix: String,
    /// Whether absent topics are created.
    pub(crate) create_topics: bool,
    /// Partitions of a topic that is created, 1 to 1024.
    pub(crate) partitions: u32,
    /// Replicas of a topic that is created. None: the brokers' default.
    pub(crate) replication: Option<u32>,
    /// How messages are compressed.
    pub(crate) compression: &'static str,
    /// Encryption.
    pub(crate) tls: Tls,
    /// Who we are.
    pub(crate) sasl: Sasl,
}

/// Encryption towards brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Whether it is on.
    pub(crate) enabled: bool,
    /// Certificates of who may sign the brokers'. None: the system's.
    pub(crate) ca: Option<PathBuf>,
    /// Our own certificate, if the brokers want one.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key.
    pub(crate) key: Option<PathBuf>,
}

/// Name and password towards brokers.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; none: no name and password.
    pub(crate) mechanism: Option<&'static str>,
    /// The name.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: String,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password is not for logs.
        f.debug_struct("Sasl").field("mechanism", &self.mechanism).field("username", &self.username).finish()
    }
}

/// Batches in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RawBatches {
    /// The URL of the store; empty: all batches are in the queue.
    pub(crate) url: String,
    /// Batches with more bytes lie there.
    pub(crate) above: u64,
    /// An S3 store.
    pub(crate) s3: S3,
}

/// Repeated requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Idempotency {
    /// How long a key is remembered.
    pub(crate) horizon: Duration,
    /// How long a request waits to hear whether its key came before, where many processes decide.
    pub(crate) verdict_timeout: Duration,
}

/// How to reach an S3 store.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct S3 {
    /// A store that is not AWS; empty: AWS.
    pub(crate) endpoint: String,
    /// Its region.
    pub(crate) region: String,
    /// Its keys; empty: the environment's or the instance's role.
    pub(crate) access_key: String,
    /// The secret that belongs to `access_key`.
    pub(crate) secret_key: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The keys are not for logs.
        f.debug_struct("S3").field("endpoint", &self.endpoint).field("region", &self.region).finish()
    }
}

/// Counts by minute, hour and day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aggregation {
    /// Whether web logs are counted.
    pub(crate) enabled: bool,
    /// How often summaries are written and events are sent.
    pub(crate) interval: Duration,
    /// How often counts are made durable.
    pub(crate) flush_interval: Duration,
    /// How far a record may lie behind before it is late.
    pub(crate) allowed_lateness: Duration,
    /// Keys of a window in a summary, and in an answer at most.
    pub(crate) max_keys_per_window: u32,
}

/// Records that cannot be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeadLetters {
    /// How often a record may bring a sink down before it is put aside.
    pub(crate) attempts: u32,
    /// Bytes of dead letters that are kept.
    pub(crate) max_bytes: u64,
    /// An NDJSON file that gets them too.
    pub(crate) file: Option<PathBuf>,
}

/// The least severe event that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// Only failures.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And what happens once.
    #[default]
    Info,
    /// And what happens often.
    Debug,
    /// And what happens for each request.
    Trace,
}

/// The shape of a logged event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// One line for people.
    Text,
}

/// The process's own log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The least severe event that is logged.
    pub(crate) level: LogLevel,
    /// The shape of an event.
    pub(crate) format: LogFormat,
}
