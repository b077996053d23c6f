//! A worker that stands still for longer than its session, and then goes on as if it still owned its partitions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::proxy::FaultyProxy;

use super::lake::{Lake, PARTITIONS, delivered};
use crate::kafka::acknowledged;
use crate::samples::number;

/// A member that is not heard of loses its partitions after 10 s; the rest is for the others to notice, and for the new owner
/// to write what the frozen one had begun.
pub(crate) const STILL: Range<u64> = 12_000..14_500;
/// A rebalance, and totals to take over, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a worker that woke up had begun is sent within this.
const AWAKE: Duration = Duration::from_millis(1500);

/// How many partitions its sink has delivered something of since then: under load, those that it owns.
fn grown(worker: &Server, sink: &str, since: &BTreeMap<u64, u64>) -> usize {
    delivered(worker, sink).iter().filter(|(partition, now)| since.get(partition).unwrap_or(&0) < now).count()
}

/// Waits until each of them writes: who is frozen has something to lose.
pub(crate) fn all_write(workers: &[Server], sink: &str) {
    let since: Vec<_> = workers.iter().map(|worker| delivered(worker, sink)).collect();
    let writes = |(worker, since)| grown(worker, sink, since) > 0;
    let write = || workers.iter().zip(&since).all(writes).then_some(());
    eventually("each worker has partitions", PATIENCE, write);
}

/// Stands still at any moment, until the other one writes all partitions.
pub(crate) fn freeze(frozen: &Server, other: &Server, sink: &str, still: Duration) {
    frozen.freeze();
    // What the other one had under way is done when it shows; nothing new of the frozen one's partitions is.
    let since = delivered(other, sink);
    std::thread::sleep(still);
    let has_all = || (grown(other, sink, &since) == PARTITIONS).then_some(());
    eventually("the other one has all partitions", PATIENCE, has_all);
    frozen.thaw();
}

#[test]
fn a_worker_that_wakes_up_after_its_session_leaves_each_record_in_one_object() {
    let mut lake = Lake::new("frozen", |store, _| FaultyProxy::calm(store));
    let freezes: u32 = number("LOGMILL_TEST_KILLS", 2);
    let setups = ["one", "two"].map(|name| lake.part(name, "files"));
    let mut door = lake.part("door", "ingest").start_ready();
    let mut workers = setups.each_ref().map(Setup::start);
    let acks = lake.load.acks.clone();
    lake.load.during(&mut door, |_| {
        for freeze in 0..freezes {
            all_write(&workers, "files");
            acknowledged(&acks, 20);
            let [moment, still] = [200..2000, STILL].map(|range| Duration::from_millis(lake.rng.u64(range)));
            std::thread::sleep(moment);
            let (victim, began) = (lake.rng.usize(..workers.len()), Instant::now());
            self::freeze(&workers[victim], &workers[1 - victim], "files", still);
            println!("freeze {freeze}: worker {victim} for {:?}", began.elapsed());
            std::thread::sleep(AWAKE);
        }
        acknowledged(&acks, 20);
    });
    for worker in &mut workers {
        assert!(worker.is_running(), "{}", worker.output());
    }
    lake.end(door, workers.into());
}
