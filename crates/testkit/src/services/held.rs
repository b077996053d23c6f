//! A server of one process that a script holds, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;
/// The lines of a log that a failed test prints.
const TAIL: usize = 30;

/// The path of a script below `tests/services`.
pub(super) fn script(name: &str) -> String {
    format!("{SCRIPTS}{name}")
}

/// The first server of some tries.
pub(super) fn tried<T>(start: impl Fn() -> Result<T, String>) -> T {
    let mut reason = String::new();
    for _ in 0..TRIES {
        match start() {
            Ok(server) => return server,
            Err(error) => reason = error,
        }
    }
    panic!("{reason}");
}

/// An empty folder whose name begins with `logmill-NAME-`. The script removes it, because it outlives this process.
pub(super) fn folder(name: &str) -> Result<PathBuf, String> {
    let folder = tempfile::Builder::new().prefix(&format!("logmill-{name}-")).tempdir();
    Ok(folder.map_err(|error| format!("no temporary folder: {error}"))?.keep())
}

/// The end of a log.
pub(super) fn tail(log: &Path) -> String {
    let log = std::fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// The server. Dropping it ends it hard and removes the folder; after a panic it prints the end of its log.
#[derive(Debug)]
pub(super) struct Held {
    name: &'static str,
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

impl Held {
    /// Starts a server called `name` by a script (`hold` and what `arguments` adds behind it, given folder and first port) with so many
    /// ports in a row, and waits until it serves.
    pub(super) fn start(
        name: &'static str,
        by: &str,
        ports: u16,
        arguments: impl Fn(&mut Command, &Path, u16),
    ) -> Self {
        tried(|| {
            let ports = Ports::free(&(0..ports).collect::<Vec<_>>());
            let folder = folder(name)?;
            let mut command = Command::new(script(by));
            command.arg("hold");
            arguments(&mut command, &folder, ports.first());
            Ok(Self { name, holder: Holder::start(&mut command)?, folder, ports })
        })
    }

    /// Its first port; stays the same over restarts.
    pub(super) fn port(&self) -> u16 {
        self.ports.first()
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The folder with everything that it stores.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id, unless it was killed.
    pub(super) fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    /// Everything that it has logged.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// `kill -9`, and waits for the end.
    pub(super) fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again with what it had stored, and waits until it serves. One that runs is killed first.
    pub(super) fn restart(&self) {
        self.order("kill");
        self.order("start");
    }

    fn order(&self, order: &str) {
        self.holder.order(order).unwrap_or_else(|reason| panic!("{order}: {reason}"));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of {}:\n{}", self.name, tail(&self.folder.join("log")));
        }
    }
}
