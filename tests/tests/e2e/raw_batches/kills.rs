//! kill -9 of the server under load, with batches on both sides of the threshold and a store that refuses some requests.

use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::crash::Follower;
use logmill_e2e::eventually;
use logmill_testkit::services::kafka;
use logmill_testkit::services::proxy::FaultyProxy;
use serde_json::Value;

use super::{store, with_store};
use crate::kafka::{Load, SESSION, committed, delivered, drained, setup};
use crate::samples::number;

const KILLS: u32 = 3;
/// Load right after a start, while the killed member still has the partitions.
const EARLY: Duration = Duration::from_millis(400);

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn a_server_killed_with_batches_in_a_store_loses_doubles_alters_and_invents_nothing() {
    let seed = number("LOGMILL_TEST_SEED", 1);
    let kills = number("LOGMILL_TEST_KILLS", KILLS);
    let (mut load, mut rng) = (Load::new(seed), Rng::with_seed(seed));
    let store = store();
    let proxy = FaultyProxy::start(&store.endpoint(), seed);
    std::fs::create_dir_all(load.data()).unwrap();
    let setup = setup(&load.data(), &kafka::shared().brokers(), "raw-kills").set("files.flush_interval=50ms");
    let setup = with_store(setup, &store, &proxy.endpoint()).set("raw_batches.above=2KiB");
    let follower = Follower::start(&load.data(), &load.acks);
    for kill in 0..kills {
        let mut server = setup.start();
        load.during(&mut server, |_| std::thread::sleep(EARLY));
        // One in four is killed at any moment, the others when they write files.
        if rng.u32(..4) > 0 {
            eventually("files are written", SESSION, || (delivered(&server) > 0).then_some(()));
        }
        let moment = Duration::from_millis(rng.u64(20..1_500));
        load.during(&mut server, |server| {
            std::thread::sleep(moment);
            assert!(server.is_running(), "{}", server.output());
            server.kill();
        });
        println!("kill {kill}: {moment:?}");
    }
    let mut server = setup.start();
    load.during(&mut server, |_| std::thread::sleep(EARLY));
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    println!("a follower saw {} lines", follower.finish());
    println!("acknowledged: {:?}", load.acks.figures());
    let told = committed(kafka::shared(), "raw-kills.logs");
    let events = told.iter().filter(|value| {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        value["batchId"].is_string()
    });
    let events = events.count();
    println!("{events} of {} messages are events", told.len());
    println!("refused {} before and {} after", proxy.refused_before(), proxy.refused_after());
    load.is_good(&ledger);
    assert!(load.acks.figures().0 > 60, "there was no load");
    assert!(events > 20 && events < told.len(), "all batches were on one side of the threshold");
    assert!(proxy.refused_after() > 0, "the store was never in the way");
}
