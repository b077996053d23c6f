//! The OpenTelemetry Collector, and telemetrygen, which makes load.
//!
//! **Limits.** 40 to 100 MB of memory; a start takes 0.1 s, the first one on a machine also builds both, which takes three
//! minutes. Every call blocks its thread until it is done. Logs only, without TLS. What a Collector has taken is on the disk
//! before it answers, and it tries for ever to send it on: several times, if the answer to the first time was lost.

use std::process::Command;

use super::held::{Held, script};

const SCRIPT: &str = "collector.sh";

/// Where a Collector has its records from, and where it sends them to.
#[derive(Clone, Copy, Debug)]
pub enum Route<'a> {
    /// OTLP in, OTLP over HTTP out to `http://HOST:PORT`.
    ToHttp(&'a str),
    /// OTLP in, OTLP over gRPC out to `http://HOST:PORT`.
    ToGrpc(&'a str),
    /// OTLP in, messages of the encoding `otlp_proto` out. The topic must be there, unless the brokers make topics by themselves.
    ToKafka {
        /// `HOST:PORT` of one broker.
        broker: &'a str,
        /// Where the messages go.
        topic: &'a str,
    },
    /// Messages of the encoding `otlp_proto` in, from the oldest on; OTLP over HTTP out.
    FromKafka {
        /// `HOST:PORT` of one broker.
        broker: &'a str,
        /// Where the messages are.
        topic: &'a str,
        /// `http://HOST:PORT`.
        target: &'a str,
    },
}

/// How a Collector packs what it sends.
#[derive(Clone, Copy, Debug)]
pub enum Compression {
    /// As it is.
    None,
    /// The default of the Collector.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// A Collector on an empty folder of its own.
///
/// Dropping it ends it hard and removes the folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct Collector(Held);

impl Collector {
    /// Starts a Collector and waits until it serves. Nobody has to listen at its target yet.
    #[must_use]
    pub fn start(route: Route<'_>, compression: Compression) -> Self {
        Self(Held::start("collector", SCRIPT, 2, |command, folder, port| {
            command.arg(folder).arg(route.name()).arg(port.to_string()).arg((port + 1).to_string());
            command.args(route.settings()).arg(format!("COMPRESSION={}", compression.name()));
        }))
    }

    /// `127.0.0.1:PORT`, where it takes OTLP over HTTP; stays the same over restarts.
    #[must_use]
    pub fn http(&self) -> String {
        format!("127.0.0.1:{}", self.0.port())
    }

    /// `127.0.0.1:PORT`, where it takes OTLP over gRPC; stays the same over restarts.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("127.0.0.1:{}", self.0.port() + 1)
    }

    /// The process id, unless it was killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Everything that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Starts it again with what it had not sent yet, and waits until it serves. One that runs is killed first.
    pub fn restart(&self) {
        self.0.restart();
    }
}

/// Runs telemetrygen to its end, which has to be a good one.
pub fn telemetrygen(arguments: &[&str]) {
    let ended = Command::new(script(SCRIPT)).arg("telemetrygen").args(arguments).output();
    let ended = ended.unwrap_or_else(|error| panic!("{SCRIPT}: {error}"));
    assert!(ended.status.success(), "telemetrygen: {}", String::from_utf8_lossy(&ended.stderr));
}

impl Route<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::ToHttp(_) => "to-http",
            Self::ToGrpc(_) => "to-grpc",
            Self::ToKafka { .. } => "to-kafka",
            Self::FromKafka { .. } => "from-kafka",
        }
    }

    fn settings(self) -> Vec<String> {
        match self {
            Self::ToHttp(target) | Self::ToGrpc(target) => vec![format!("TARGET={target}")],
            Self::ToKafka { broker, topic } => vec![format!("TARGET={broker}"), format!("TOPIC={topic}")],
            Self::FromKafka { broker, topic, target } => {
                vec![format!("BROKERS={broker}"), format!("TOPIC={topic}"), format!("TARGET={target}")]
            }
        }
    }
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
