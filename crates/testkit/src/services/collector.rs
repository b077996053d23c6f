//! The OpenTelemetry Collector, and telemetrygen, which makes load.
//!
//! **Limits.** 40 to 100 MB of memory; a start takes 0.1 s, the first one on a machine also builds both, which takes three
//! minutes. Every call blocks its thread until it is done. Logs only, without TLS. What a Collector has taken is on the disk
//! before it answers, and it tries for ever to send it on: several times, if the answer to the first time was lost.

use std::path::PathBuf;
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/collector.sh");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;
/// The lines of a log that a failed test prints.
const TAIL: usize = 30;

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
pub struct Collector {
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

impl Collector {
    /// Starts a Collector and waits until it serves. Nobody has to listen at its target yet.
    #[must_use]
    pub fn start(route: Route<'_>, compression: Compression) -> Self {
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Self::try_start(route, compression) {
                Ok(collector) => return collector,
                Err(error) => reason = error,
            }
        }
        panic!("{reason}");
    }

    fn try_start(route: Route<'_>, compression: Compression) -> Result<Self, String> {
        let ports = Ports::free(&[0, 1]);
        let folder = tempfile::Builder::new().prefix("logmill-collector-").tempdir();
        // The script removes it, because it outlives this process.
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let mut script = Command::new(SCRIPT);
        script.arg("hold").arg(&folder).arg(route.name());
        script.args([ports.first(), ports.first() + 1].map(|port| port.to_string()));
        script.args(route.settings()).arg(format!("COMPRESSION={}", compression.name()));
        Ok(Self { holder: Holder::start(&mut script)?, folder, ports })
    }

    /// `127.0.0.1:PORT`, where it takes OTLP over HTTP; stays the same over restarts.
    #[must_use]
    pub fn http(&self) -> String {
        format!("127.0.0.1:{}", self.ports.first())
    }

    /// `127.0.0.1:PORT`, where it takes OTLP over gRPC; stays the same over restarts.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("127.0.0.1:{}", self.ports.first() + 1)
    }

    /// The process id, unless it was killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// Everything that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again with what it had not sent yet, and waits until it serves. One that runs is killed first.
    pub fn restart(&self) {
        self.order("kill");
        self.order("start");
    }

    fn order(&self, order: &str) {
        self.holder.order(order).unwrap_or_else(|reason| panic!("{order}: {reason}"));
    }
}

/// Runs telemetrygen to its end, which has to be a good one.
pub fn telemetrygen(arguments: &[&str]) {
    let ended = Command::new(SCRIPT).arg("telemetrygen").args(arguments).output();
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

impl Drop for Collector {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
            eprintln!("the end of the log of the Collector:\n{tail}");
        }
    }
}
