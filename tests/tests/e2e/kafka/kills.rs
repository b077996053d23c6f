//! kill -9 of the server under load.

use std::time::{Duration, Instant};

use fastrand::Rng;
use logmill_e2e::crash::Follower;
use logmill_e2e::eventually;
use logmill_testkit::services::kafka;

use super::{Load, SESSION, delivered, drained, setup};
use crate::samples::number;

const KILLS: u32 = 3;
/// Load right after a start, while the killed member still has the partitions.
const EARLY: Duration = Duration::from_millis(400);

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn a_server_killed_under_load_loses_doubles_alters_and_invents_nothing() {
    let seed = number("LOGMILL_TEST_SEED", 1);
    let kills = number("LOGMILL_TEST_KILLS", KILLS);
    let (mut load, mut rng) = (Load::new(seed), Rng::with_seed(seed));
    std::fs::create_dir_all(load.data()).unwrap();
    let setup = setup(&load.data(), &kafka::shared().brokers(), "kills").set("files.flush_interval=50ms");
    let follower = Follower::start(&load.data(), &load.acks);
    for kill in 0..kills {
        // One in four is killed at any moment, the others when they write files.
        let moment = Duration::from_millis(rng.u64(20..1_500));
        let any = rng.u32(..4) == 0;
        let began = Instant::now();
        let mut server = setup.start();
        load.during(&mut server, |_| std::thread::sleep(EARLY));
        if !any {
            eventually("files are written", SESSION, || (delivered(&server) > 0).then_some(()));
        }
        let waited = began.elapsed();
        load.during(&mut server, |server| {
            std::thread::sleep(moment);
            assert!(server.is_running(), "{}", server.output());
            server.kill();
        });
        println!("kill {kill}: {moment:?} after {waited:?}{}", if any { ", at any moment" } else { "" });
    }
    let mut server = setup.start();
    load.during(&mut server, |_| std::thread::sleep(EARLY));
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0));
    println!("a follower saw {} lines", follower.finish());
    println!("acknowledged: {:?}", load.acks.figures());
    load.is_good(&ledger);
    assert!(load.acks.figures().0 > 100, "there was no load");
}
