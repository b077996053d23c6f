//! ClickHouse: its engine behind the HTTP interface.
//!
//! **Limits.** 270 to 460 MB of memory; a start takes 0.5 s, the first one on a machine also fetches the engine (500 MB on disk). No native protocol,
//! users, replicas or clusters; an answer is whole before it is sent. What it has acknowledged survives a `kill`.

use super::held::Held;

/// A server without tables.
///
/// Dropping it ends it hard and removes its folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct ClickHouse(Held);

impl ClickHouse {
    /// Starts a server and waits until it answers.
    #[must_use]
    pub fn start() -> Self {
        Self(Held::start("clickhouse", "clickhouse.sh", 1, |command, folder, port| {
            command.arg(folder).arg(port.to_string());
        }))
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Starts it again with what it had, and waits until it answers.
    pub fn restart(&self) {
        self.0.restart();
    }
}
