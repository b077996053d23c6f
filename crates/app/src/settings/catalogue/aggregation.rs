//! What is counted.

use std::time::Duration;

use super::super::kind::Kind;
use super::super::tree::QueueKind;
use super::{Fallback, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "aggregation.enabled",
        Fallback::Computed {
            says: "true, on Kafka false",
            example: "false",
            text: |s, _| (s.queue.kind == QueueKind::Embedded).to_string(),
        },
        Kind::Switch { set: |s, v| s.aggregation.enabled = v },
        "Whether web logs are counted by minute, hour and day; on Kafka each process that counts reads all partitions",
    ),
    Setting::new(
        "aggregation.interval",
        Fallback::Text("30s"),
        Kind::Span {
            min: Duration::from_secs(1),
            max: Duration::from_hours(1),
            set: |s, v| s.aggregation.interval = v,
        },
        "How often hourly summaries are written and events about late records are sent",
    ),
    Setting::new(
        "aggregation.flush_interval",
        Fallback::Text("5s"),
        Kind::Span {
            min: Duration::from_millis(100),
            max: Duration::from_secs(60),
            set: |s, v| s.aggregation.flush_interval = v,
        },
        "How often what was counted is made durable and visible",
    ),
    Setting::new(
        "aggregation.allowed_lateness",
        Fallback::Text("5m"),
        Kind::Span {
            min: Duration::ZERO,
            max: Duration::from_hours(24 * 7),
            set: |s, v| s.aggregation.allowed_lateness = v,
        },
        "How far a record's time may lie behind the newest one of its partition before it is late",
    ),
    Setting::new(
        "aggregation.max_keys_per_window",
        Fallback::Text("100000"),
        Kind::Count { min: 1, max: 1_000_000, set: |s, v| s.aggregation.max_keys_per_window = v },
        "Keys of a window that a summary shows, and an answer at most, the largest first",
    ),
];
