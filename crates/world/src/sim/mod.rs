//! A seeded world for tests: time that only moves when all tasks wait, files that can be crashed.
//!
//! Runs on a current-thread tokio runtime with paused time.

mod disk;
mod files;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Clock, Job, Machine, Micros, World};

pub use disk::{Disk, Image};

/// 2025-12-28T18:00:00Z, the moment at which each simulation begins.
const BEGIN: Micros = 1_766_944_800_000_000;

/// The clock of a simulation.
pub struct SimClock {
    started: tokio::time::Instant,
    jumped: AtomicI64,
}

impl SimClock {
    /// Must be called inside a tokio runtime whose time is paused.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // This is the simulated clock.
    pub fn start() -> Arc<Self> {
        Arc::new(Self { started: tokio::time::Instant::now(), jumped: AtomicI64::new(0) })
    }

    /// Moves the wall clock, as an operator or NTP would; monotonic time does not notice.
    pub fn jump(&self, by: Micros) {
        self.jumped.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn wall(&self) -> Micros {
        let run = Micros::try_from(self.monotonic().as_micros()).unwrap_or(Micros::MAX);
        BEGIN + run + self.jumped.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods)] // This is the simulated clock.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

struct SimMachine(Mutex<fastrand::Rng>);

impl Machine for SimMachine {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(out);
    }

    fn spawn_io(&self, _name: &str, job: Job) -> io::Result<()> {
        tokio::spawn(job);
        Ok(())
    }
}

/// A world on the simulated `disk`. Equal seeds on equal disks give equal runs.
#[must_use]
pub fn world(seed: u64, clock: Arc<SimClock>, disk: &Disk) -> World {
    let rng = fastrand::Rng::with_seed(seed);
    World::new(clock, Arc::new(disk.clone()), Arc::new(SimMachine(Mutex::new(rng))))
}
