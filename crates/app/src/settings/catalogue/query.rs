//! SQL over the lake and the hourly files.

use std::time::Duration;

use super::super::kind::Kind;
use super::super::units::{GIB, MIB};
use super::{Fallback, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "query.max_rows",
        Fallback::Text("100000"),
        Kind::Count { min: 1, max: 100_000_000, set: |s, v| s.query.max_rows = v },
        "Rows of an answer; one that has more ends with an error",
    ),
    Setting::new(
        "query.timeout",
        Fallback::Text("60s"),
        Kind::Span {
            min: Duration::from_millis(100),
            max: Duration::from_hours(24),
            set: |s, v| s.query.timeout = v,
        },
        "The longest time from a question to the end of its answer",
    ),
    Setting::new(
        "query.memory",
        Fallback::Text("256MiB"),
        Kind::Size { min: MIB, max: 1024 * GIB, set: |s, v| s.query.memory = v },
        "Bytes that grouping, sorting and joining of all questions together may hold; nothing is put on a disk instead",
    ),
    Setting::new(
        "query.concurrency",
        Fallback::Text("4"),
        Kind::Count { min: 1, max: 1000, set: |s, v| s.query.concurrency = v },
        "Questions that are answered at once; more get 429",
    ),
];
