//! Rules between settings. What concerns one setting alone is in the catalogue.

use super::problem::Fault;
use super::tree::{CatalogKind, LakeOrphans, QueueKind, S3, Settings};
use super::units::{show_duration, show_size};

/// A segment holds at least this many of the largest batches, so that closing one early wastes little.
const BATCHES_A_SEGMENT: u64 = 4;
/// Unfinished bodies may hold half of what is in flight, so the largest batch must fit in that half.
const IN_FLIGHT_BATCHES: u64 = 2;

/// A rule, the settings it is about, and the fault of a tree that breaks it.
pub(super) struct Rule {
    /// The first is named first in blame.
    pub(super) settings: &'static [&'static str],
    pub(super) check: fn(&Settings) -> Option<Fault>,
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        settings: &["limits.max_in_flight_bytes", "limits.max_batch_bytes"],
        check: |s| {
            let least = s.limits.max_batch_bytes.saturating_mul(IN_FLIGHT_BATCHES);
            let relation = "2 x limits.max_batch_bytes";
            at_least(("limits.max_in_flight_bytes", s.limits.max_in_flight_bytes), least, relation)
        },
    },
    Rule {
        settings: &["queue.segment_bytes", "limits.max_batch_bytes", "raw_batches.above", "raw_batches.url"],
        check: |s| {
            let largest = s.max_queue_payload();
            let least = largest.saturating_mul(BATCHES_A_SEGMENT);
            let is_whole = largest == s.limits.max_batch_bytes;
            let relation = if is_whole { "4 x limits.max_batch_bytes" } else { "4 x raw_batches.above" };
            at_least(("queue.segment_bytes", s.queue.segment_bytes), least, relation)
        },
    },
    Rule {
        settings: &["queue.retention_bytes", "queue.segment_bytes"],
        check: |s| {
            let kept = s.queue.retention_bytes?;
            at_least(("queue.retention_bytes", kept), s.queue.segment_bytes, "queue.segment_bytes")
        },
    },
    Rule {
        settings: &["otlp.topic", "web.topic"],
        check: |s| {
            let advice = "give each kind of logs a topic of its own";
            (s.otlp.topic == s.web.topic).then(|| Fault::new("otlp.topic is web.topic", advice))
        },
    },
    Rule {
        settings: &["queue.kind", "queue.kafka.brokers"],
        check: |s| {
            let wrong = s.queue.kind == QueueKind::Kafka && s.queue.kafka.brokers.is_empty();
            let advice = "write host:port of some brokers into queue.kafka.brokers";
            wrong.then(|| Fault::new("is kafka, and no brokers are named", advice))
        },
    },
    Rule {
        settings: &["lake.catalog.kind", "lake.catalog.uri"],
        check: |s| {
            let wrong = s.lake.catalog.kind == CatalogKind::Rest && s.lake.catalog.uri.is_empty();
            let advice = "write the catalog's URL into lake.catalog.uri";
            wrong.then(|| Fault::new("is rest, and no catalog is named", advice))
        },
    },
    Rule {
        settings: &["lake.orphans.older_than"],
        check: |s| {
            let age = s.lake.orphans.older_than;
            let wrong = !age.is_zero() && age < LakeOrphans::LEAST;
            let advice =
                "write at least 1d, because younger files may be about to be committed, or 0s for off";
            wrong.then(|| Fault::new(format!("{} is too short", show_duration(age)), advice))
        },
    },
    Rule { settings: &["lake.s3.access_key", "lake.s3.secret_key"], check: |s| pair(&s.lake.s3) },
    Rule { settings: &["files.s3.access_key", "files.s3.secret_key"], check: |s| pair(&s.files.s3) },
    Rule {
        settings: &["raw_batches.s3.access_key", "raw_batches.s3.secret_key"],
        // The same keys as the files' are told of above.
        check: |s| pair(&s.raw_batches.s3).filter(|_| s.raw_batches.s3.access_key != s.files.s3.access_key),
    },
    Rule {
        settings: &["queue.kafka.sasl.mechanism", "queue.kafka.sasl.username", "queue.kafka.sasl.password"],
        check: |s| {
            let sasl = &s.queue.kafka.sasl;
            let known = !sasl.username.is_empty() && !sasl.password.is_empty();
            let advice = "set all of queue.kafka.sasl.mechanism, .username and .password, or none";
            let none = sasl.username.is_empty() && sasl.password.is_empty();
            let wrong = if sasl.mechanism.is_some() { !known } else { !none };
            wrong.then(|| Fault::new("mechanism, name and password belong together", advice))
        },
    },
    Rule {
        settings: &[
            "queue.kafka.tls.enabled",
            "queue.kafka.tls.ca",
            "queue.kafka.tls.certificate",
            "queue.kafka.tls.key",
        ],
        check: |s| {
            let tls = &s.queue.kafka.tls;
            let files = tls.ca.is_some() || tls.certificate.is_some() || tls.key.is_some();
            let advice = "set queue.kafka.tls.enabled to true, or remove the files";
            if files && !tls.enabled {
                return Some(Fault::new("files for TLS are named, and TLS is off", advice));
            }
            let pair = tls.certificate.is_some() == tls.key.is_some();
            (!pair).then(|| Fault::new("a certificate and its key belong together", "name both, or none"))
        },
    },
];

fn pair(s3: &S3) -> Option<Fault> {
    let wrong = s3.access_key.is_empty() != s3.secret_key.is_empty();
    wrong.then(|| Fault::new("a key and its secret belong together", "set both, or none"))
}

fn at_least((name, got): (&str, u64), least: u64, relation: &str) -> Option<Fault> {
    let wrong =
        || format!("{name} is {}, which is less than {relation} ({})", show_size(got), show_size(least));
    (got < least).then(|| Fault::new(wrong(), "raise the one or lower the other"))
}
