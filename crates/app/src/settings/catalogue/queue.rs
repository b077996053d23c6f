//! The log in the middle.

use std::time::Duration;

use super::super::kind::{Choice, Kind};
use super::super::tree::QueueKind;
use super::super::units::{GIB, MIB, TIB};
use super::{Fallback, Setting};

/// Most partitions of a topic.
const MAX_PARTITIONS: u32 = 1024;

const KINDS: &[Choice] = &[
    Choice::offered("embedded", |s| s.queue.kind = QueueKind::Embedded),
    #[cfg(feature = "kafka")]
    Choice::offered("kafka", |s| s.queue.kind = QueueKind::Kafka),
    #[cfg(not(feature = "kafka"))]
    Choice::absent(
        "kafka",
        "is not in this build; build it with the cargo feature `kafka`, which is on by default",
    ),
];

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "queue.kind",
        Fallback::Computed {
            says: "kafka with queue.kafka.brokers, otherwise embedded",
            example: "kafka",
            text: |s, _| if s.queue.kafka.brokers.is_empty() { "embedded" } else { "kafka" }.to_owned(),
        },
        Kind::OneOf { choices: KINDS },
        "Which log is in the middle",
    ),
    Setting::new(
        "queue.partitions",
        Fallback::Computed {
            says: "number of cores",
            example: "4",
            text: |_, machine| machine.cores.clamp(1, MAX_PARTITIONS).to_string(),
        },
        Kind::Count { min: 1, max: MAX_PARTITIONS, set: |s, v| s.queue.partitions = v },
        "Partitions of a topic of the embedded log",
    ),
    Setting::new(
        "queue.segment_bytes",
        Fallback::Text("256MiB"),
        Kind::Size { min: MIB, max: 4 * GIB, set: |s, v| s.queue.segment_bytes = v },
        "Size of a segment of the log; at least 4 x limits.max_batch_bytes, or raw_batches.above if that is less",
    ),
    Setting::new(
        "queue.retention_bytes",
        Fallback::Unset { says: "10 % of the file system, at most 50GiB", example: "50GiB" },
        Kind::Size { min: MIB, max: 1024 * TIB, set: |s, v| s.queue.retention_bytes = Some(v) },
        "Bytes of consumed segments that are kept; at least queue.segment_bytes",
    ),
    Setting::new(
        "queue.retention_age",
        Fallback::Text("7d"),
        Kind::Span {
            min: Duration::from_secs(1),
            max: Duration::from_hours(3650 * 24),
            set: |s, v| s.queue.retention_age = v,
        },
        "How long consumed segments are kept",
    ),
    Setting::new(
        "queue.reserve_bytes",
        Fallback::Unset { says: "1GiB or 2 % of the file system, the smaller", example: "1GiB" },
        Kind::Size { min: 0, max: TIB, set: |s, v| s.queue.reserve_bytes = Some(v) },
        "Free space below which consumed segments go, then the answer is 503; 0 is off",
    ),
];
