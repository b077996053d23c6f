//! The conformance suite of `Queue` with payloads in a store: all of them, and the larger ones.
//!
//! The log below then holds little, so that nothing of it goes by size: the cases about retention have nothing to look at.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // This is the outside, in a test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::embedded::{EmbeddedLog, LogConfig};
use logmill_queue::{BoxFuture, Queue};
use logmill_raw_batches::{Objects, RawBatches, RawConfig};
use logmill_store::Store;
use logmill_testkit::queue::{Abilities, Case, Harness};
use logmill_world::sim::{Disk, Image, SimClock, world};
use logmill_world::{Clock, Micros};
use object_store::memory::InMemory;

const MIB: u64 = 1 << 20;
const HORIZON: Duration = Duration::from_secs(600);

fn config() -> LogConfig {
    LogConfig {
        dir: Path::new("/data/log").to_path_buf(),
        partitions: 2,
        segment_bytes: MIB as u32,
        max_payload: 16 * 1024,
        retention_bytes: 64 * MIB,
        retention_age: Duration::from_secs(3600),
        reserve_bytes: 0,
        horizon: HORIZON,
        readers: Vec::new(),
    }
}

/// A log on a simulated disk, whose crash is a power cut, and a store that outlives it.
struct Sim {
    above: u64,
    seed: u64,
    clock: Arc<SimClock>,
    disk: Disk,
    crashed: bool,
    store: Arc<InMemory>,
}

fn run(case: Case, above: u64) {
    for seed in 0..2 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (clock, disk) = (SimClock::start(), Disk::new(&Image::default()));
            let store = Arc::new(InMemory::new());
            let mut sim = Sim { above, seed, clock, disk, crashed: false, store };
            case(&mut sim).await;
        });
    }
}

fn all(case: Case) {
    run(case, 0);
}

fn larger(case: Case) {
    run(case, 1000);
}

mod all_payloads_in_the_store {
    logmill_testkit::queue_conformance!(crate::all);
}

mod larger_payloads_in_the_store {
    logmill_testkit::queue_conformance!(crate::larger);
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
            let (log, _) = EmbeddedLog::open(&world, &config()).unwrap();
            let store = Store::new(self.store.clone(), "raw", "memory:");
            let objects = Objects::new(store, RawConfig { above: self.above, max_payload: 256 * 1024 });
            Arc::new(RawBatches::new(Arc::new(log), objects)) as Arc<dyn Queue>
        })
    }

    fn crash(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
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
        Abilities {
            partitions: 2,
            horizon: HORIZON,
            segment_bytes: MIB,
            handover: Duration::from_secs(5),
            newest_takes_all: true,
            latency: Duration::from_millis(30),
            retention: None,
        }
    }
}
