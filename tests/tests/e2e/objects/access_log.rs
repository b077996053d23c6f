//! A real web server's log in one bucket, written by two workers.

use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::proxy::FaultyProxy;

use super::PATIENCE;
use super::lake::{Lake, delivered};
use crate::kafka::access_log::{is_as_embedded, make_bodies, post_all};
use crate::kafka::drained;
use crate::samples::{batch, ids};

/// Posts single records until each worker has written some: both have partitions then. Answers how many it were.
fn share_out(door: &Server, workers: &[Server]) -> usize {
    let mut posted = 0;
    eventually("each worker has partitions", PATIENCE, || {
        let post = batch(&ids(&format!("early-{posted}"), 1)).with("x-customer-id", "early");
        assert_eq!(door.post(&post).status, 202);
        posted += 1;
        workers.iter().all(|worker| delivered(worker, "files").values().sum::<u64>() > 0).then_some(())
    });
    let _ = drained(&workers[0]);
    posted
}

/// Waits until each of them has written more of a partition that it had before.
fn each_writes(workers: &[Server], act: impl FnOnce()) {
    let before: Vec<_> = workers.iter().map(|worker| delivered(worker, "files")).collect();
    act();
    eventually("each worker writes", PATIENCE, || {
        let mut both = workers.iter().zip(&before);
        both.all(|(worker, before)| {
            let now = delivered(worker, "files");
            before.iter().any(|(partition, was)| now.get(partition).is_some_and(|now| now > was))
        })
        .then_some(())
    });
}

#[test]
fn a_real_access_log_written_by_two_workers_gives_the_same_hours_as_the_embedded_log() {
    let bodies = tempfile::tempdir().unwrap();
    make_bodies(bodies.path());
    let lake = Lake::new("access-log-objects", |store, _| FaultyProxy::calm(store));
    let setups = ["one", "two"].map(|name| lake.part(name, "files,dead-letters"));
    let door = lake.part("door", "ingest").start_ready();
    let workers = setups.each_ref().map(Setup::start);
    let early = share_out(&door, &workers);
    each_writes(&workers, || post_all(&door, bodies.path()));
    let ledger = lake.hand_over(door, workers.into());
    std::fs::remove_dir_all(lake.load.data().join("logs/early")).unwrap();
    let records = is_as_embedded(&lake.load.data(), bodies.path());
    let rows = ledger["ledger"].as_array().unwrap();
    let files = rows.iter().find(|row| row["sink"] == "files").unwrap();
    assert_eq!(files["delivered"], records + early, "{files}");
}
