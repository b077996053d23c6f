//! What is written, and what could not be.

use std::time::Duration;

use super::super::kind::Kind;
use super::super::units::{KIB, TIB};
use super::{Fallback, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "files.enabled",
        Fallback::Text("true"),
        Kind::Switch { set: |s, v| s.files.enabled = v },
        "Whether hourly files are written",
    ),
    Setting::new(
        "files.dir",
        Fallback::Computed {
            says: "data_dir",
            example: "./data",
            text: |s, _| s.data_dir.to_string_lossy().into_owned(),
        },
        Kind::Path { set: |s, v| s.files.dir = v },
        "Folder of the hourly files",
    ),
    Setting::new(
        "files.flush_interval",
        Fallback::Text("200ms"),
        Kind::Span {
            min: Duration::from_millis(10),
            max: Duration::from_secs(1),
            set: |s, v| s.files.flush_interval = v,
        },
        "How often gathered records are written to their files",
    ),
    Setting::new(
        "dead_letters.attempts",
        Fallback::Text("5"),
        Kind::Count { min: 1, max: 100, set: |s, v| s.dead_letters.attempts = v },
        "How often a record may bring a sink down before it becomes a dead letter",
    ),
    Setting::new(
        "dead_letters.max_bytes",
        Fallback::Text("1GiB"),
        Kind::Size { min: 64 * KIB, max: TIB, set: |s, v| s.dead_letters.max_bytes = v },
        "Bytes of dead letters that are kept",
    ),
    Setting::new(
        "dead_letters.file",
        Fallback::Unset { says: "none", example: "./dead-letters.ndjson" },
        Kind::OptionalPath { set: |s, v| s.dead_letters.file = v },
        "NDJSON file that gets dead letters too; empty is none",
    )
    .aliases(&["DLQ_PATH"]),
];
