//! OpenTelemetry logs in Iceberg tables.

use std::time::Duration;

use super::super::kind::{Choice, Kind};
use super::super::tree::{CatalogKind, QueueKind};
use super::super::units::{GIB, MIB};
use super::outputs::is_endpoint;
use super::{Fallback, Setting};

const CATALOGS: &[Choice] = &[
    Choice::offered("sqlite", |s| s.lake.catalog.kind = CatalogKind::Sqlite),
    Choice::offered("rest", |s| s.lake.catalog.kind = CatalogKind::Rest),
];

/// Name of a namespace and a table: what every catalog and every file system takes.
fn is_table(text: &str) -> bool {
    let is_name = |part: &str| {
        let all = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        (1..=100).contains(&part.len()) && all
    };
    text.split_once('.').is_some_and(|(namespace, table)| is_name(namespace) && is_name(table))
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "lake.enabled",
        Fallback::Computed {
            says: "true, on Kafka only with lake.catalog.uri",
            example: "true",
            text: |s, _| (s.queue.kind == QueueKind::Embedded || !s.lake.catalog.uri.is_empty()).to_string(),
        },
        Kind::Switch { set: |s, v| s.lake.enabled = v },
        "Whether OpenTelemetry logs are written to an Iceberg table",
    ),
    Setting::new(
        "lake.table",
        Fallback::Text("default.logs"),
        Kind::Text {
            allowed: "namespace.table, each 1 to 100 characters of A-Z a-z 0-9 _ -",
            good: is_table,
            set: |s, v| s.lake.table = v,
        },
        "The table, created when it is absent",
    )
    .aliases(&["ICEBERG_TABLE_NAME"]),
    Setting::new(
        "lake.catalog.kind",
        Fallback::Computed {
            says: "rest if lake.catalog.uri is set, otherwise sqlite",
            example: "sqlite",
            text: |s, _| if s.lake.catalog.uri.is_empty() { "sqlite" } else { "rest" }.to_owned(),
        },
        Kind::OneOf { choices: CATALOGS },
        "Who keeps what the table is: a file in lake.warehouse, or a service that speaks Iceberg's REST protocol",
    ),
    Setting::new(
        "lake.catalog.uri",
        Fallback::Unset { says: "none", example: "http://127.0.0.1:8181" },
        Kind::Text {
            allowed: "http:// or https://, host, and what stands before /v1, or empty",
            good: is_endpoint,
            set: |s, v| s.lake.catalog.uri = v,
        },
        "URL of the REST catalog",
    )
    .aliases(&["ICEBERG_CATALOG_URI"]),
    Setting::new(
        "lake.catalog.token",
        Fallback::Unset { says: "none", example: "token" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.lake.catalog.token = v },
        "Bearer token for the REST catalog",
    )
    .secret(),
    Setting::new(
        "lake.catalog.credential",
        Fallback::Unset { says: "none", example: "client:secret" },
        Kind::Text {
            allowed: "client:secret, or empty",
            good: |text| text.is_empty() || text.split_once(':').is_some(),
            set: |s, v| s.lake.catalog.credential = v,
        },
        "OAuth2 client credentials for the REST catalog, if there is no token",
    )
    .secret(),
    Setting::new(
        "lake.warehouse",
        Fallback::Computed {
            says: "data_dir/lake, with a REST catalog its own",
            example: "./data/lake",
            text: |s, _| match s.lake.catalog.kind {
                CatalogKind::Sqlite => s.data_dir.join("lake").to_string_lossy().into_owned(),
                CatalogKind::Rest => String::new(),
            },
        },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.lake.warehouse = v },
        "Folder of the table, or with a REST catalog the name of its warehouse",
    ),
    Setting::new(
        "lake.s3.endpoint",
        Fallback::Unset { says: "AWS", example: "http://127.0.0.1:9000" },
        Kind::Text {
            allowed: "http:// or https:// and host:port, or empty",
            good: is_endpoint,
            set: |s, v| s.lake.s3.endpoint = v,
        },
        "S3 store of the table's files that is not AWS",
    )
    .aliases(&["S3_ENDPOINT"]),
    Setting::new(
        "lake.s3.region",
        Fallback::Text("us-east-1"),
        Kind::Text {
            allowed: "the name of a region",
            good: |text| !text.is_empty(),
            set: |s, v| s.lake.s3.region = v,
        },
        "Region of the S3 store",
    )
    .aliases(&["S3_REGION"]),
    Setting::new(
        "lake.s3.access_key",
        Fallback::Unset { says: "the environment's or the instance's role", example: "key" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.lake.s3.access_key = v },
        "Key of the S3 store",
    )
    .aliases(&["S3_ACCESS_KEY"]),
    Setting::new(
        "lake.s3.secret_key",
        Fallback::Unset { says: "the environment's or the instance's role", example: "secret" },
        Kind::Text { allowed: "any text", good: |_| true, set: |s, v| s.lake.s3.secret_key = v },
        "The secret that belongs to it",
    )
    .aliases(&["S3_SECRET_KEY"])
    .secret(),
    Setting::new(
        "lake.flush.size_mb",
        Fallback::Text("100"),
        Kind::Count { min: 1, max: 4096, set: |s, v| s.lake.flush.size_mb = v },
        "Megabytes of payload, of all partitions of the process together, after which rows are committed",
    )
    .aliases(&["BUFFER_SIZE_MB"]),
    Setting::new(
        "lake.flush.interval",
        Fallback::Text("5m"),
        Kind::Span {
            min: Duration::from_millis(100),
            max: Duration::from_hours(1),
            set: |s, v| s.lake.flush.interval = v,
        },
        "The longest time from reading a record to its commit",
    ),
    Setting::new(
        "lake.memory",
        Fallback::Text("256MiB"),
        Kind::Size { min: 16 * MIB, max: 64 * GIB, set: |s, v| s.lake.memory = v },
        "Bytes of rows that wait for their commit, of all partitions of the process together",
    ),
    Setting::new(
        "lake.time.past",
        Fallback::Text("3650d"),
        Kind::Span {
            min: Duration::from_hours(1),
            max: Duration::from_hours(24 * 36500),
            set: |s, v| s.lake.time.past = v,
        },
        "A record whose time lies further before its arrival gets the time of its arrival; its own is kept as an attribute",
    ),
    Setting::new(
        "lake.time.future",
        Fallback::Text("1d"),
        Kind::Span {
            min: Duration::from_secs(1),
            max: Duration::from_hours(24 * 365),
            set: |s, v| s.lake.time.future = v,
        },
        "The same for a time after its arrival",
    ),
    Setting::new(
        "lake.snapshots.keep_for",
        Fallback::Text("3d"),
        Kind::Span {
            min: Duration::from_mins(1),
            max: Duration::from_hours(24 * 3650),
            set: |s, v| s.lake.snapshots.keep_for = v,
        },
        "How long older states of the table can be read; those that a tag or another branch names stay longer",
    ),
    Setting::new(
        "lake.snapshots.keep_at_least",
        Fallback::Text("100"),
        Kind::Count { min: 1, max: 100_000, set: |s, v| s.lake.snapshots.keep_at_least = v },
        "So many of the newest states stay, whatever their age",
    ),
    Setting::new(
        "lake.snapshots.keep_at_most",
        Fallback::Text("1000"),
        Kind::Count { min: 1, max: 100_000, set: |s, v| s.lake.snapshots.keep_at_most = v },
        "More states do not stay, however young, unless lake.snapshots.keep_at_least says so: each commit writes the list of all of them",
    ),
    Setting::new(
        "lake.orphans.older_than",
        Fallback::Text("3d"),
        Kind::Span {
            min: Duration::ZERO,
            max: Duration::from_hours(24 * 3650),
            set: |s, v| s.lake.orphans.older_than = v,
        },
        "Files of ours that no state of the table names are removed once a day if they are older, at least 1d; 0s is off",
    ),
];
