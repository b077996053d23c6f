//! The conformance suite of `Queue` on the embedded log: over a simulated disk and over a real one.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)] // This is the outside, in a test.

#[path = "conformance/real.rs"]
mod real;
#[path = "conformance/sim.rs"]
mod sim;

use std::path::Path;
use std::time::Duration;

use logmill_queue::embedded::LogConfig;
use logmill_testkit::queue::{Abilities, Retention};

const MIB: u64 = 1 << 20;
const HORIZON: Duration = Duration::from_secs(600);
const RETENTION: Retention =
    Retention { bytes: 3 * MIB, age: Duration::from_secs(3600), every: Duration::from_secs(1) };

/// Small segments, so that each case that stores something larger crosses some.
fn config(dir: &Path) -> LogConfig {
    LogConfig {
        dir: dir.to_path_buf(),
        partitions: 2,
        segment_bytes: MIB as u32,
        max_payload: 256 * 1024,
        retention_bytes: RETENTION.bytes,
        retention_age: RETENTION.age,
        reserve_bytes: 0,
        horizon: HORIZON,
        readers: Vec::new(),
    }
}

fn abilities() -> Abilities {
    Abilities {
        partitions: 2,
        horizon: HORIZON,
        segment_bytes: MIB,
        handover: Duration::from_secs(5),
        newest_takes_all: true,
        latency: Duration::from_millis(30),
        retention: Some(RETENTION),
    }
}

mod on_a_simulated_disk {
    logmill_testkit::queue_conformance!(crate::sim::run);
}

mod on_a_real_disk {
    logmill_testkit::queue_conformance!(crate::real::run);
}
