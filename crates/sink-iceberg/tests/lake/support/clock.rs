//! A world whose wall clock somebody sets.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use logmill_world::{Clock, Job, Machine, Micros, World};

/// How far the wall clock was set, in microseconds.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn set(&self, by: Duration) {
        self.0.store(by.as_micros().try_into().unwrap(), Ordering::Relaxed);
    }

    /// The real world but for this clock.
    pub(crate) fn world(&self) -> World {
        let fs = World::real().fs().clone();
        World::new(Arc::new(SetClock(World::real(), self.clone())), fs, Arc::new(Same(World::real())))
    }
}

struct SetClock(World, Hand);

impl Clock for SetClock {
    fn wall(&self) -> Micros {
        self.0.clock().wall() + self.1.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        self.0.clock().monotonic()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.clock().sleep(duration)
    }
}

struct Same(World);

impl Machine for Same {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(16) {
            part.copy_from_slice(&self.0.random_id()[..part.len()]);
        }
    }

    fn spawn_io(&self, name: &str, job: Job) -> io::Result<()> {
        self.0.spawn_io(name, job)
    }
}
