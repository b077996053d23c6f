//! Clock, files, randomness and threads. See README.md.

mod clock;
mod fs;
mod real;
pub mod sim;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

pub use clock::{Clock, Micros};
pub use fs::{EntryKind, File, FolderEntry, Fs, Lock, LockFailure, Mode, Space, replace};

/// A future that is handed over to a thread or task of its own.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Randomness and threads.
pub trait Machine: Send + Sync {
    /// Fills `out` with unpredictable bytes (in a simulation: from the seed).
    fn fill(&self, out: &mut [u8]);

    /// Runs `job`, which blocks on files, beside everything else until it ends.
    ///
    /// # Errors
    /// The system cannot start another thread.
    fn spawn_io(&self, name: &str, job: Job) -> io::Result<()>;
}

/// Everything outside of the process, as one handle that is cheap to clone.
#[derive(Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    fs: Arc<dyn Fs>,
    machine: Arc<dyn Machine>,
}

impl World {
    /// The machine that this process runs on.
    #[must_use]
    pub fn real() -> Self {
        real::world()
    }

    /// A world made of the given parts; the simulation uses it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, fs: Arc<dyn Fs>, machine: Arc<dyn Machine>) -> Self {
        Self { clock, fs, machine }
    }

    /// Wall clock, monotonic clock and sleep.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The files.
    #[must_use]
    pub fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    /// Sixteen unpredictable bytes, for ids.
    #[must_use]
    pub fn random_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        self.machine.fill(&mut id);
        id
    }

    /// A number below `limit` (0 if the limit is 0), for jitter.
    #[must_use]
    pub fn random_below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.machine.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(limit).unwrap_or(0)
    }

    /// Runs `job` on a thread of its own (in a simulation: as a task), since it blocks on files.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn spawn_io(&self, name: &str, job: Job) -> io::Result<()> {
        self.machine.spawn_io(name, job)
    }
}
