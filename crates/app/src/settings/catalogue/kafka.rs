//! Kafka as the log.

use super::super::kind::{Choice, Kind};
use super::{Fallback, Setting};

/// Most partitions of a topic.
const MAX_PARTITIONS: u32 = 1024;
/// Most replicas of a topic.
const MAX_REPLICAS: u32 = 15;

const CODECS: &[Choice] = &[
    Choice::offered("none", |s| s.queue.kafka.compression = "none"),
    Choice::offered("lz4", |s| s.queue.kafka.compression = "lz4"),
    Choice::offered("zstd", |s| s.queue.kafka.compression = "zstd"),
    Choice::offered("gzip", |s| s.queue.kafka.compression = "gzip"),
    Choice::offered("snappy", |s| s.queue.kafka.compression = "snappy"),
];

const NOT_DURABLE: &str =
    "would answer before the batch is durable on all replicas, and a 202 must mean durable";

const ACKS: &[Choice] = &[
    Choice::offered("all", |_| {}),
    Choice::absent("-1", "is written all here"),
    Choice::absent("0", NOT_DURABLE),
    Choice::absent("1", NOT_DURABLE),
];

const MECHANISMS: &[Choice] = &[
    Choice::offered("none", |s| s.queue.kafka.sasl.mechanism = None),
    Choice::offered("plain", |s| s.queue.kafka.sasl.mechanism = Some("PLAIN")),
    Choice::offered("scram-sha-256", |s| s.queue.kafka.sasl.mechanism = Some("SCRAM-SHA-256")),
    Choice::offered("scram-sha-512", |s| s.queue.kafka.sasl.mechanism = Some("SCRAM-SHA-512")),
];

/// `host:port`, separated by commas. The port is asked for: librdkafka's own default would be a guess.
fn are_brokers(text: &str) -> bool {
    let one = |broker: &str| {
        let (host, port) = broker.rsplit_once(':').unwrap_or_default();
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    text.is_empty() || text.split(',').all(|broker| one(broker.trim()))
}

fn is_prefix(text: &str) -> bool {
    text.len() <= 49 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "queue.kafka.brokers",
        Fallback::Unset { says: "none", example: "127.0.0.1:9092" },
        Kind::Text {
            allowed: "host:port, separated by commas, or empty",
            good: are_brokers,
            set: |s, v| s.queue.kafka.brokers = v.replace(' ', ""),
        },
        "Some of the brokers; makes queue.kind kafka",
    )
    .aliases(&["KAFKA_BROKERS", "REDPANDA_BROKERS"]),
    Setting::new(
        "queue.kafka.group",
        Fallback::Text("logmill"),
        Kind::Name { set: |s, v| s.queue.kafka.group = v },
        "Begins the consumer group of each sink: <group>-<sink>",
    )
    .aliases(&["KAFKA_CONSUMER_GROUP"]),
    Setting::new(
        "queue.kafka.topic_prefix",
        Fallback::Unset { says: "none", example: "staging." },
        Kind::Text {
            allowed: "up to 49 characters of A-Z a-z 0-9 . _ -, or empty",
            good: is_prefix,
            set: |s, v| s.queue.kafka.topic_prefix = v,
        },
        "In front of the names of topics and consumer groups",
    ),
    Setting::new(
        "queue.kafka.create_topics",
        Fallback::Text("true"),
        Kind::Switch { set: |s, v| s.queue.kafka.create_topics = v },
        "Whether topics that do not exist are created; they are never changed",
    ),
    Setting::new(
        "queue.kafka.partitions",
        Fallback::Text("12"),
        Kind::Count { min: 1, max: MAX_PARTITIONS, set: |s, v| s.queue.kafka.partitions = v },
        "Partitions of a topic that is created",
    ),
    Setting::new(
        "queue.kafka.replication",
        Fallback::Unset { says: "the brokers' default", example: "3" },
        Kind::Count { min: 1, max: MAX_REPLICAS, set: |s, v| s.queue.kafka.replication = Some(v) },
        "Replicas of a topic that is created",
    ),
    Setting::new(
        "queue.kafka.compression",
        Fallback::Text("lz4"),
        Kind::OneOf { choices: CODECS },
        "How messages are compressed; stock Flink cannot read zstd",
    )
    .aliases(&["PRODUCER_COMPRESSION"]),
    Setting::new(
        "queue.kafka.acks",
        Fallback::Text("all"),
        Kind::OneOf { choices: ACKS },
        "Which replicas have to have a batch before it is answered",
    )
    .aliases(&["PRODUCER_ACKS"]),
    Setting::new(
        "queue.kafka.tls.enabled",
        Fallback::Computed {
            says: "true with queue.kafka.tls.ca or .certificate, otherwise false",
            example: "true",
            text: |s, _| {
                let tls = &s.queue.kafka.tls;
                (tls.ca.is_some() || tls.certificate.is_some()).to_string()
            },
        },
        Kind::Switch { set: |s, v| s.queue.kafka.tls.enabled = v },
        "Whether connections to brokers are encrypted",
    ),
    Setting::new(
        "queue.kafka.tls.ca",
        Fallback::Unset { says: "the system's", example: "/etc/logmill/kafka-ca.pem" },
        Kind::OptionalPath { set: |s, v| s.queue.kafka.tls.ca = v },
        "PEM file with the certificates that sign the brokers'",
    ),
    Setting::new(
        "queue.kafka.tls.certificate",
        Fallback::Unset { says: "none", example: "/etc/logmill/kafka.pem" },
        Kind::OptionalPath { set: |s, v| s.queue.kafka.tls.certificate = v },
        "PEM file with our own certificate, if the brokers want one",
    ),
    Setting::new(
        "queue.kafka.tls.key",
        Fallback::Unset { says: "none", example: "/etc/logmill/kafka.key" },
        Kind::OptionalPath { set: |s, v| s.queue.kafka.tls.key = v },
        "PEM file with its key",
    ),
    Setting::new(
        "queue.kafka.sasl.mechanism",
        Fallback::Computed {
            says: "plain with queue.kafka.sasl.username, otherwise none",
            example: "plain",
            text: |s, _| if s.queue.kafka.sasl.username.is_empty() { "none" } else { "plain" }.to_owned(),
        },
        Kind::OneOf { choices: MECHANISMS },
        "How name and password are shown to the brokers",
    ),
    Setting::new(
        "queue.kafka.sasl.username",
        Fallback::Unset { says: "none", example: "logmill" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.queue.kafka.sasl.username = v },
        "The name",
    ),
    Setting::new(
        "queue.kafka.sasl.password",
        Fallback::Unset { says: "none", example: "secret" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.queue.kafka.sasl.password = v },
        "The password",
    )
    .secret(),
];
