//! Events about late records, over processes that are killed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::{Connection, Post, eventually};

use super::{SOON, batch, count, late_events, minute, setup};
use crate::samples::number;

const NOW: &str = "2026-03-04T10:05:30Z";
const CUSTOMERS: [&str; 2] = ["default", "acme"];

/// The late records of a batch: how many for which minute.
fn records(number: u32) -> (String, usize) {
    (format!("2026-03-01T10:{:02}:00Z", number % 7), 1 + (number % 3) as usize)
}

fn post(number: u32) -> Post {
    let (time, count) = records(number);
    let post = batch(&vec![(time.as_str(), "/"); count]).with("idempotency-key", &format!("late-{number}"));
    post.with("x-customer-id", CUSTOMERS[number as usize % 2])
}

/// Sends batches from `next` on, each with a key, until the process is gone. The last one may be stored.
fn send(address: SocketAddr, next: &mut u32) {
    let Ok(mut connection) = Connection::open(address) else { return };
    loop {
        match connection.post(&post(*next)) {
            Ok(answer) if answer.status < 300 => *next += 1,
            _ => return,
        }
    }
}

/// Late records of each window, as events tell them.
fn told(data: &Path) -> BTreeMap<(String, String), u64> {
    let mut told = BTreeMap::new();
    for event in late_events(data) {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        *told.entry((text("customer"), text("window"))).or_default() += event["records"].as_u64().unwrap();
    }
    told
}

/// Records and revision of each window after the batches up to `last`.
fn expected(last: u32) -> BTreeMap<(String, String), (u64, u64)> {
    let mut windows = BTreeMap::new();
    for number in 0..=last {
        let (time, count) = records(number);
        let window = windows.entry((CUSTOMERS[number as usize % 2].to_owned(), time)).or_insert((0, 1));
        *window = (window.0 + count as u64, window.1 + 1);
    }
    windows
}

#[test]
fn each_late_record_is_told_once_whenever_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let seed = number("LOGMILL_TEST_SEED", fastrand::u64(..));
    let kills = number("LOGMILL_TEST_KILLS", 8_u32);
    println!("LOGMILL_TEST_SEED={seed} LOGMILL_TEST_KILLS={kills}");
    let mut rng = Rng::with_seed(seed);
    let start = || setup(data).set("queue.partitions=1").start_ready();
    let mut server = start();
    count(&server, "default", &[(NOW, "/")]);
    let mut next = 0;
    for _ in 0..kills {
        let address = server.address();
        std::thread::scope(|scope| {
            scope.spawn(|| send(address, &mut next));
            // Summaries and events are written each second.
            std::thread::sleep(Duration::from_millis(rng.u64(200..2500)));
            server.kill();
        });
        server = start();
    }
    // It may be stored already, or not.
    assert!(server.post(&post(next)).status < 300);
    let expected = expected(next);
    let _ = server.drained();
    eventually("all late records are told", SOON, || {
        let records: u64 = told(data).values().sum();
        (records >= expected.values().map(|window| window.0).sum()).then_some(())
    });
    let told = told(data);
    for (window, (records, revision)) in &expected {
        assert_eq!(told.get(window), Some(records), "{window:?}");
        let found = minute(&server, &window.0, &window.1[..16]);
        assert_eq!((found["total"].as_u64(), found["revision"].as_u64()), (Some(*records), Some(*revision)));
    }
    assert_eq!(told.len(), expected.len());
}
