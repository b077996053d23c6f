//! The simulated disk: a crash is a power cut that loses whatever was not synced, by a seed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::embedded::EmbeddedLog;
use logmill_queue::{BoxFuture, Queue};
use logmill_testkit::queue::{Abilities, Case, Harness};
use logmill_world::sim::{Disk, Image, SimClock, world};
use logmill_world::{Clock, Micros};

use super::{abilities, config};

struct Sim {
    seed: u64,
    clock: Arc<SimClock>,
    disk: Disk,
    crashed: bool,
}

/// Runs a case with several seeds: each loses other sectors at its crashes.
pub(crate) fn run(case: Case) {
    for seed in 0..4 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let named = Named(seed);
        runtime.block_on(async {
            let clock = SimClock::start();
            let mut sim = Sim { seed, clock, disk: Disk::new(&Image::default()), crashed: false };
            case(&mut sim).await;
        });
        std::mem::forget(named);
    }
}

/// Names the seed if the case panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("the seed was {}", self.0);
    }
}

impl Harness for Sim {
    fn open(&mut self) -> BoxFuture<'_, Arc<dyn Queue>> {
        Box::pin(async {
            // The writer of the log before ends, and leaves its mark.
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.crashed {
                self.disk = Disk::new(&self.disk.power_cut(self.seed));
                self.crashed = false;
            }
            self.seed += 1000;
            let world = world(self.seed, self.clock.clone(), &self.disk);
            let (log, opened) = EmbeddedLog::open(&world, &config(Path::new("/data/log"))).unwrap();
            assert_eq!((opened.damaged, opened.unreadable_keys), (vec![], vec![]));
            Arc::new(log) as Arc<dyn Queue>
        })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Nothing reaches the disk from now on; what is lost is decided when it is opened again.
            self.disk.crash_after(0);
            self.crashed = true;
        })
    }

    fn advance(&self, by: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(by))
    }

    fn now(&self) -> Micros {
        self.clock.wall()
    }

    fn abilities(&self) -> Abilities {
        abilities()
    }
}
