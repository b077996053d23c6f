//! Counts on Kafka, three brokers: each process that counts has all of them, whatever happens to it, to the other one or to a
//! broker.

use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::kafka::{self, Kafka};

use super::{Load, SESSION, acknowledged, drained, setup};
use crate::samples::number;

const KILLS: u32 = 4;

fn counting(data: &Path, kafka: &Kafka) -> Setup {
    let setup = setup(data, &kafka.brokers(), "counts").set("queue.kafka.replication=3");
    let setup = setup.set("aggregation.enabled=true").set("aggregation.flush_interval=200ms");
    setup.set("aggregation.interval=1s").set("files.flush_interval=50ms")
}

/// Waits until a process has counted what it was told to have, and compares with the files of the other one.
fn is_right(server: &Server, data: &Path) {
    let said = eventually("everything is counted", SESSION, || match server.counts(data, None) {
        logmill_e2e::Counts::Right(said) => Some(said),
        // What the other one wrote last is still on its way.
        logmill_e2e::Counts::Busy(_) | logmill_e2e::Counts::Wrong(_) => None,
    });
    println!("{}", said.trim_end());
}

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn two_processes_that_count_and_are_killed_have_the_same_exact_counts() {
    let seed = number("LOGMILL_TEST_SEED", 1);
    let kills = number("LOGMILL_TEST_KILLS", KILLS);
    let (mut load, mut rng) = (Load::new(seed), Rng::with_seed(seed));
    let kafka = Kafka::start(3, kafka::QUICK);
    let first = counting(&load.data(), &kafka);
    let spare = load.folder.path().join("spare");
    let second = counting(&spare, &kafka).argument("--roles").argument("aggregate,api");
    let (mut one, mut other) = (first.start_ready(), second.start_ready());
    let mut away = None;
    for kill in 0..kills {
        // Every other time one of the brokers is away.
        match away.take() {
            Some(broker) => kafka.restart(broker),
            None => {
                let broker = u8::try_from(kill / 2 % 3 + 1).unwrap();
                kafka.kill(broker);
                away = Some(broker);
            }
        }
        let acks = load.acks.clone();
        let moment = Duration::from_millis(rng.u64(20..1_500));
        let is_first = rng.bool();
        load.during(&mut one, |one| {
            acknowledged(&acks, 10);
            std::thread::sleep(moment);
            if is_first { one.kill() } else { other.kill() }
        });
        if is_first {
            one = first.start();
        } else {
            other = second.start();
        }
    }
    if let Some(broker) = away {
        kafka.restart(broker);
    }
    let acks = load.acks.clone();
    load.during(&mut one, |_| acknowledged(&acks, 10));
    let ledger = drained(&one);
    load.is_good(&ledger);
    is_right(&one, &load.data());
    // The second one's summaries beside the first one's files.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(load.data().join("logs"), folder.path().join("logs")).unwrap();
    std::os::unix::fs::symlink(spare.join("analytics"), folder.path().join("analytics")).unwrap();
    is_right(&other, folder.path());
    // A process that has lost its store counts anew what the topic holds, and tells nothing before.
    assert_eq!(other.stop(), Some(0));
    std::fs::remove_dir_all(spare.join("analytics")).unwrap();
    let other = second.start();
    let said = other.counts_in_the_end(folder.path());
    println!("meanwhile: {said:?}");
}
