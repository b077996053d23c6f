//! SIGTERM.

use std::time::{Duration, Instant};

use logmill_e2e::{Server, eventually, records_of};
use logmill_testkit::services::kafka;

use super::{Load, SESSION, delivered, drained, setup};
use crate::samples::{ids, padded, sorted};

const BATCHES: usize = 300;
const RECORDS: usize = 100;
const RESTARTS: usize = 3;

/// Frames that the files' group has not read.
fn queued(server: &Server) -> u64 {
    server.ledger()["queued_frames"].as_u64().unwrap_or_default()
}

#[test]
fn restarts_in_order_while_batches_are_queued_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path(), &kafka::shared().brokers(), "restart");
    let mut sent = Vec::new();
    let mut door = setup.clone().argument("--roles").argument("ingest").start_ready();
    let mut connection = door.connect();
    for batch in 0..BATCHES {
        let names = ids(&format!("batch-{batch}"), RECORDS);
        let answer = connection.post(&padded(&names, 200)).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        sent.extend(names);
    }
    drop(connection);
    assert_eq!(door.stop(), Some(0));
    let mut left = Vec::new();
    for _ in 0..RESTARTS {
        let mut server = setup.start();
        let before = delivered(&server);
        eventually("files are written", SESSION, || (delivered(&server) > before).then_some(()));
        left.push(queued(&server));
        assert_eq!(server.stop(), Some(0), "{}", server.output());
    }
    println!("frames queued at each SIGTERM: {left:?}");
    assert!(left[0] > 0, "nothing was queued at the first SIGTERM");
    let mut server = setup.start();
    let began = Instant::now();
    let ledger = drained(&server);
    println!("drained {:?} after the last start", began.elapsed());
    let files = &ledger["ledger"][0];
    assert_eq!((&files["sink"], &files["delivered"]), (&"files".into(), &(BATCHES * RECORDS).into()));
    for other in ["deduplicated", "dead_lettered", "rejected", "damaged", "expired"] {
        assert_eq!(files[other], 0, "{other}: {files}");
    }
    assert_eq!(server.stop(), Some(0));
    assert!(records_of(folder.path(), "id") == sorted(sent), "the files hold other records than were sent");
}

#[test]
fn sigterm_under_load_ends_in_time_and_loses_nothing() {
    let mut load = Load::new(fastrand::u64(..));
    let setup = setup(&load.data(), &kafka::shared().brokers(), "sigterm").set("shutdown_timeout=20s");
    for _ in 0..2 {
        let mut server = setup.start_ready();
        let acks = load.acks.clone();
        load.during(&mut server, |server| {
            super::acknowledged(&acks, 200);
            let began = Instant::now();
            server.terminate();
            let status = server.ended_within(Duration::from_secs(25));
            println!("SIGTERM took {:?}", began.elapsed());
            assert_eq!(status.code(), Some(0), "{}", server.output());
            assert!(began.elapsed() < Duration::from_secs(20), "{}", server.output());
        });
    }
    let mut server = setup.start_ready();
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0));
    load.is_good(&ledger);
}
