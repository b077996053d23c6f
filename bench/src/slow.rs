//! Memory of a worker that owns many partitions of a backlog, while its store stands still.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup::{Services, start};
use crate::state::number;

const PARTITIONS: [u16; 3] = [1, 12, 100];
const LOOK: Duration = Duration::from_millis(50);

pub(crate) fn print() {
    let records = number("BENCH_RECORDS", 4_000_000);
    let still = Duration::from_secs(number("BENCH_SECONDS", 20));
    println!("\na backlog in Kafka, one worker, a store that stands still for {} s", still.as_secs());
    let services = Services::start();
    for partitions in PARTITIONS {
        let name = format!("slow-{partitions}");
        let records = services.fill(&name, partitions, records);
        let worker = start(&services.worker(&name, &name, partitions, "1s"));
        worker.wait_until_ready();
        let idle = worker.resident();
        while worker.delivered() == 0 {
            std::thread::sleep(LOOK);
        }
        signal(&services, "STOP");
        let (began, mut most) = (Instant::now(), 0);
        while began.elapsed() < still {
            most = most.max(worker.resident());
            std::thread::sleep(LOOK);
        }
        let delivered = worker.delivered();
        signal(&services, "CONT");
        println!(
            "{partitions} partitions: resident {} MiB at most meanwhile, {} MiB at most in all, {} MiB at the start; \
             {delivered} of {records} records delivered by then",
            most >> 20,
            worker.peak() >> 20,
            idle >> 20
        );
    }
}

/// Lets the store stand still or go on.
fn signal(services: &Services, name: &str) {
    let pid = services.store.pid().expect("the store runs");
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill");
    assert!(status.success(), "the store has ended");
}
