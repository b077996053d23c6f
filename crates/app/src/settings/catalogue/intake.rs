//! What is taken in, and how much of it.

use std::time::Duration;

use logmill_queue::Topic;

use super::super::kind::Kind;
use super::super::units::{GIB, KIB, MIB};
use super::{Fallback, Setting};

/// Topics that are made for another one have a name of their own.
const RESERVED: [&str; 3] = [".dlq", ".keyed", ".keys"];

/// What `is_topic` takes.
pub(super) const TOPIC_NAMES: &str =
    "1 to 194 characters of A-Z a-z 0-9 . _ -, not ending in .dlq, .keyed or .keys";

pub(super) fn is_topic(text: &str) -> bool {
    let leaves_room = |suffix| !text.ends_with(suffix) && Topic::new(&format!("{text}{suffix}")).is_ok();
    RESERVED.into_iter().all(leaves_room)
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "limits.max_batch_bytes",
        Fallback::Text("2MiB"),
        Kind::Size { min: KIB, max: 64 * MIB, set: |s, v| s.limits.max_batch_bytes = v },
        "Largest batch after decompression",
    ),
    Setting::new(
        "limits.max_batch_records",
        Fallback::Text("100000"),
        Kind::Count { min: 1, max: 10_000_000, set: |s, v| s.limits.max_batch_records = v },
        "Most records in a batch",
    ),
    Setting::new(
        "limits.max_nesting",
        Fallback::Text("64"),
        Kind::Count { min: 1, max: 128, set: |s, v| s.limits.max_nesting = v },
        "Deepest nesting of objects and lists in a record",
    ),
    Setting::new(
        "limits.max_hours_per_batch",
        Fallback::Text("1000"),
        Kind::Count { min: 1, max: 100_000, set: |s, v| s.limits.max_hours_per_batch = v },
        "Most distinct hours that the records of a batch lie in, since each can become a file",
    ),
    Setting::new(
        "limits.max_in_flight_bytes",
        Fallback::Text("64MiB"),
        Kind::Size { min: 64 * KIB, max: 64 * GIB, set: |s, v| s.limits.max_in_flight_bytes = v },
        "Bytes of all requests being worked on, beyond it 429; at least 2 x limits.max_batch_bytes",
    ),
    Setting::new(
        "limits.max_in_flight_requests",
        Fallback::Text("10000"),
        Kind::Count { min: 1, max: 1_000_000, set: |s, v| s.limits.max_in_flight_requests = v },
        "Requests being worked on, beyond it 429",
    ),
    Setting::new(
        "web.topic",
        Fallback::Text("logs"),
        Kind::Text { allowed: TOPIC_NAMES, good: is_topic, set: |s, v| s.web.topic = v },
        "Topic of web logs",
    ),
    Setting::new(
        "web.require_customer",
        Fallback::Text("false"),
        Kind::Switch { set: |s, v| s.web.require_customer = v },
        "Whether a request without x-customer-id gets 400",
    ),
    Setting::new(
        "idempotency.horizon",
        Fallback::Text("24h"),
        Kind::Span {
            min: Duration::from_secs(1),
            max: Duration::from_hours(30 * 24),
            set: |s, v| s.idempotency.horizon = v,
        },
        "How long an Idempotency-Key is remembered",
    ),
    Setting::new(
        "idempotency.verdict_timeout",
        Fallback::Text("2s"),
        Kind::Span {
            min: Duration::from_millis(1),
            max: Duration::from_secs(60),
            set: |s, v| s.idempotency.verdict_timeout = v,
        },
        "On Kafka: how long a request waits to hear whether its key came before; then it is 202, and counted once all the same",
    ),
];
