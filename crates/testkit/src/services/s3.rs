//! S3: a store that keeps the condition of a put, and one that does not.
//!
//! **Limits.** One node, 8 to 80 MB of memory; a start takes 0.2 to 0.6 s, the first one on a machine also builds the store,
//! which takes minutes. Every call blocks its thread until it is done. What a killed store has acknowledged it still has;
//! nothing is promised for the loss of power.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/s3.sh");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;
/// The lines of a log that a failed test prints.
const TAIL: usize = 30;

/// Known to everybody; the script gives them to the stores, so they must agree with those that stand there.
const ACCESS_KEY: &str = "GK6c6f676d696c6c2d74657374";
const SECRET_KEY: &str = "6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d";
const REGION: &str = "us-east-1";

/// What a store does with a put whose object is there already, though it says `If-None-Match: *`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// s3s-fs: the answer is 412 and the object stays. It looks before it takes the body and not again after it, so that of
    /// puts at the same moment several may succeed: rivals must come through a [`super::proxy::FaultyProxy`], which lets
    /// one conditional request through at a time.
    Conditional,
    /// Garage: the object is overwritten and the answer is 200, as if no condition had been named.
    Overwriting,
}

/// A store on an empty folder of its own, with one bucket, addressed by path.
///
/// Dropping it ends it hard and removes the folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct S3 {
    kind: Kind,
    bucket: String,
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

impl S3 {
    /// Starts a store, makes the bucket, and waits until both serve.
    #[must_use]
    pub fn start(kind: Kind, bucket: &str) -> Self {
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Self::try_start(kind, bucket) {
                Ok(store) => return store,
                Err(error) => reason = error,
            }
        }
        panic!("{reason}");
    }

    fn try_start(kind: Kind, bucket: &str) -> Result<Self, String> {
        // Garage listens on the second one for other nodes.
        let ports = Ports::free(&[0, 1]);
        let folder = tempfile::Builder::new().prefix("logmill-s3-").tempdir();
        // The script removes it, because it outlives this process.
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let mut script = Command::new(SCRIPT);
        script.args(["hold", kind.name()]).arg(&folder).arg(ports.first().to_string()).arg(bucket);
        Ok(Self { kind, bucket: bucket.to_owned(), holder: Holder::start(&mut script)?, folder, ports })
    }

    /// What it does with a conditional put.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    /// The key that may do everything with the bucket.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// What requests are signed with.
    #[must_use]
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The one bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The region that signatures name; the same for every kind.
    #[must_use]
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The folder with everything that it stores.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id, unless it was killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// The end of what it has logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again with what it had stored, and waits until it serves. One that runs is killed first.
    pub fn restart(&self) {
        self.order("kill");
        self.order("start");
    }

    fn order(&self, order: &str) {
        self.holder.order(order).unwrap_or_else(|reason| panic!("{order}: {reason}"));
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Conditional => "s3s-fs",
            Self::Overwriting => "garage",
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of {}:\n{}", self.kind.name(), self.log_tail());
        }
    }
}
