//! Workers that are restarted in order, one after the other, as for a new version.

use std::time::{Duration, Instant};

use logmill_e2e::Setup;
use logmill_testkit::services::proxy::FaultyProxy;

use super::lake::Lake;
use crate::kafka::acknowledged;
use crate::samples::number;

const RESTARTS: usize = 8;
/// `shutdown_timeout`.
const LIMIT: Duration = Duration::from_secs(20);

/// The store refuses one request in five, and half of those only after it has stored the object.
#[test]
fn workers_restarted_in_order_under_load_leave_each_record_in_one_object() {
    let mut lake = Lake::new("rolling", FaultyProxy::start);
    let restarts = number("LOGMILL_TEST_KILLS", RESTARTS);
    let timeout = format!("shutdown_timeout={}s", LIMIT.as_secs());
    let setups = ["one", "two", "three"].map(|name| lake.part(name, "files").set(&timeout));
    let mut door = lake.part("door", "ingest").start_ready();
    let mut workers = setups.each_ref().map(Setup::start);
    let acks = lake.load.acks.clone();
    lake.load.during(&mut door, |_| {
        for restart in 0..restarts {
            acknowledged(&acks, 20);
            std::thread::sleep(Duration::from_millis(lake.rng.u64(1500..4500)));
            let turn = restart % workers.len();
            let (worker, began) = (&mut workers[turn], Instant::now());
            assert!(worker.is_running(), "{}", worker.output());
            worker.terminate();
            let status = worker.ended_within(LIMIT + Duration::from_secs(10));
            let (took, had) = (began.elapsed(), acks.figures().0);
            println!("restart {restart}: worker {turn} ended after {took:?}, {had} batches acknowledged");
            assert_eq!(status.code(), Some(0), "{}", worker.output());
            assert!(took < LIMIT, "{took:?}: {}", worker.output());
            *worker = setups[turn].start();
        }
    });
    assert!(lake.proxy.refused_after() > 0, "the store was never in the way");
    lake.end(door, workers.into());
}
