//! What is written, and what could not be.

use std::time::Duration;

use super::super::kind::{Choice, Kind};
use super::super::tree::ObjectCodec;
use super::super::units::{GIB, KIB, MIB, TIB};
use super::{Fallback, Setting};

const CODECS: &[Choice] = &[
    Choice::offered("zstd", |s| s.files.object_codec = ObjectCodec::Zstd),
    Choice::offered("gzip", |s| s.files.object_codec = ObjectCodec::Gzip),
];

pub(super) fn is_endpoint(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    text.is_empty() || host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
}

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
        Kind::Destination { set: |s, v| s.files.dir = v },
        "Folder of the hourly files, or an object store: s3://bucket/prefix, az://container/prefix, gs://bucket/prefix",
    ),
    Setting::new(
        "files.flush_interval",
        Fallback::Text("200ms"),
        Kind::Span {
            min: Duration::from_millis(10),
            max: Duration::from_secs(1),
            set: |s, v| s.files.flush_interval = v,
        },
        "How often gathered records are written to their files in a folder",
    ),
    Setting::new(
        "files.object_interval",
        Fallback::Text("5m"),
        Kind::Span {
            min: Duration::from_secs(1),
            max: Duration::from_hours(1),
            set: |s, v| s.files.object_interval = v,
        },
        "How often gathered records are written to an object store",
    ),
    Setting::new(
        "files.object_bytes",
        Fallback::Text("64MiB"),
        Kind::Size { min: MIB, max: 16 * GIB, set: |s, v| s.files.object_bytes = v },
        "Bytes of gathered records, compressed, in memory; beyond it objects are written sooner",
    ),
    Setting::new(
        "files.object_codec",
        Fallback::Text("zstd"),
        Kind::OneOf { choices: CODECS },
        "How objects are compressed",
    ),
    Setting::new(
        "files.s3.endpoint",
        Fallback::Unset { says: "AWS", example: "http://127.0.0.1:9000" },
        Kind::Text {
            allowed: "http:// or https:// and host:port, or empty",
            good: is_endpoint,
            set: |s, v| s.files.s3.endpoint = v,
        },
        "S3 store that is not AWS",
    ),
    Setting::new(
        "files.s3.region",
        Fallback::Text("us-east-1"),
        Kind::Text {
            allowed: "the name of a region",
            good: |text| !text.is_empty(),
            set: |s, v| s.files.s3.region = v,
        },
        "Region of the S3 store",
    ),
    Setting::new(
        "files.s3.access_key",
        Fallback::Unset { says: "the environment's or the instance's role", example: "key" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.files.s3.access_key = v },
        "Key of the S3 store",
    ),
    Setting::new(
        "files.s3.secret_key",
        Fallback::Unset { says: "the environment's or the instance's role", example: "secret" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.files.s3.secret_key = v },
        "The secret that belongs to it",
    )
    .secret(),
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
