//! The process and its listener.

use std::time::Duration;

use super::super::kind::{Choice, Kind};
use super::super::tree::{LogFormat, LogLevel, Role};
use super::{Fallback, Setting};

const ROLES: &[Choice] = &[
    Choice::offered("all", |s| _ = s.roles.0.insert(Role::All)),
    Choice::offered("ingest", |s| _ = s.roles.0.insert(Role::Ingest)),
    Choice::offered("otlp", |s| _ = s.roles.0.insert(Role::Otlp)),
    Choice::offered("files", |s| _ = s.roles.0.insert(Role::Files)),
    Choice::offered("dead-letters", |s| _ = s.roles.0.insert(Role::DeadLetters)),
    Choice::offered("aggregate", |s| _ = s.roles.0.insert(Role::Aggregate)),
    Choice::offered("lake", |s| _ = s.roles.0.insert(Role::Lake)),
    Choice::offered("api", |s| _ = s.roles.0.insert(Role::Api)),
];

const LEVELS: &[Choice] = &[
    Choice::offered("error", |s| s.log.level = LogLevel::Error),
    Choice::offered("warn", |s| s.log.level = LogLevel::Warn),
    Choice::offered("info", |s| s.log.level = LogLevel::Info),
    Choice::offered("debug", |s| s.log.level = LogLevel::Debug),
    Choice::offered("trace", |s| s.log.level = LogLevel::Trace),
];

const FORMATS: &[Choice] = &[
    Choice::offered("auto", |s| s.log.format = LogFormat::Auto),
    Choice::offered("json", |s| s.log.format = LogFormat::Json),
    Choice::offered("text", |s| s.log.format = LogFormat::Text),
];

/// The shortest time that a connection can be given.
const SHORTEST: Duration = Duration::from_millis(100);

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        "data_dir",
        Fallback::Text("./data"),
        Kind::Path { set: |s, v| s.data_dir = v },
        "Folder of everything that is kept on this machine",
    ),
    Setting::new(
        "roles",
        Fallback::Text("all"),
        Kind::AnyOf { choices: ROLES },
        "Parts that this process runs; all means every part that the settings give something to do",
    ),
    Setting::new(
        "shutdown_timeout",
        Fallback::Text("30s"),
        Kind::Span { min: SHORTEST, max: Duration::from_hours(1), set: |s, v| s.shutdown_timeout = v },
        "How long a stop may take to finish work, flush and commit",
    ),
    Setting::new(
        "log.level",
        Fallback::Text("info"),
        Kind::OneOf { choices: LEVELS },
        "Least severe event that is logged",
    ),
    Setting::new(
        "log.format",
        Fallback::Text("auto"),
        Kind::OneOf { choices: FORMATS },
        "Shape of a logged event; auto is text on a terminal and JSON elsewhere",
    ),
    Setting::new(
        "http.listen",
        Fallback::Text("127.0.0.1:8080"),
        Kind::Address { set: |s, v| s.http.listen = v },
        "Address of web logs, API, metrics, health and web page; port 0 lets the system choose",
    )
    .aliases(&["HTTP_ADDR"]),
    Setting::new(
        "http.header_timeout",
        Fallback::Text("10s"),
        Kind::Span { min: SHORTEST, max: Duration::from_mins(10), set: |s, v| s.http.header_timeout = v },
        "How long the header of a request may take",
    ),
    Setting::new(
        "http.body_timeout",
        Fallback::Text("60s"),
        Kind::Span { min: SHORTEST, max: Duration::from_hours(1), set: |s, v| s.http.body_timeout = v },
        "How long the body of a request may take",
    ),
    Setting::new(
        "http.idle_timeout",
        Fallback::Text("75s"),
        Kind::Span { min: SHORTEST, max: Duration::from_hours(1), set: |s, v| s.http.idle_timeout = v },
        "How long a connection may wait for its next request",
    ),
];
