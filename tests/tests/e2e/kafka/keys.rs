//! Idempotency keys at several doors: counted once, whichever of them takes a repetition, and whoever is killed.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::crash::{Acks, Client, check};
use logmill_e2e::{Post, Server, Setup, eventually, records_of};
use logmill_testkit::services::kafka;
use serde_json::{Value, json};

use super::{SESSION, setup, while_working};
use crate::samples::{batch, ids, number, sorted};

const KILLS: u32 = 4;
const AT_ONCE: usize = 25;
/// Batches without a key at the end, over few partitions: behind them lies nothing that came before.
const LAST: u64 = 40;

/// A process with these roles; few partitions, and each test has topics of its own.
fn process(folder: &Path, name: &str, prefix: &str, roles: &str) -> Setup {
    let data = folder.join(name);
    std::fs::create_dir_all(&data).unwrap();
    let setup = setup(&data, &kafka::shared().brokers(), prefix).set(&format!("roles={roles}"));
    setup.set("queue.kafka.partitions=3").set("files.flush_interval=50ms")
}

/// Waits until nothing is left that is not decided.
fn decided(door: &Server) {
    let lag = "kafka_consumer_lag{group=\"logs.keyed\"";
    eventually("all keys are decided", SESSION, || {
        let metrics = door.get("/metrics").text();
        let lags: Vec<&str> = metrics.lines().filter(|line| line.starts_with(lag)).collect();
        (lags.len() == 3 && lags.iter().all(|line| line.ends_with(" 0"))).then_some(())
    });
}

/// Waits until the files hold so many records.
fn delivered(files: &Server, records: u64) -> Value {
    eventually("all records are in the files", SESSION, || {
        let row = files.ledger();
        (row["delivered"].as_u64()? >= records).then_some(row)
    })
}

#[test]
fn the_same_key_at_two_doors_at_once_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let door = |name| {
        let setup = process(folder.path(), name, "two-doors", "ingest");
        setup.set("idempotency.verdict_timeout=30s").start_ready()
    };
    let doors = [door("a"), door("b")];
    let mut files = process(folder.path(), "files", "two-doors", "files,dead-letters").start_ready();
    let names = ids("once", 7);
    let post = batch(&names).with("idempotency-key", "k");
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for door in doors.iter().flat_map(|door| std::iter::repeat_n(door, AT_ONCE)) {
            scope.spawn(|| answers.lock().unwrap().push(door.post(&post)));
        }
    });
    let answers = answers.into_inner().unwrap();
    assert_eq!(answers.iter().filter(|answer| answer.status == 202).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 2 * AT_ONCE - 1);
    for answer in &answers {
        let receipt = answer.json();
        assert_eq!((&receipt["accepted"], &receipt["duplicate"]), (&json!(7), &json!(answer.status == 200)));
    }
    for door in &doors {
        let other = door.post(&batch(&ids("never", 1)).with("idempotency-key", "k"));
        assert_eq!(other.status, 422, "{}", other.text());
    }
    decided(&doors[0]);
    let last = ids("last", 1);
    (0..LAST).for_each(|_| assert_eq!(doors[1].post(&batch(&last)).status, 202));
    delivered(&files, 7 + LAST);
    assert_eq!(files.stop(), Some(0));
    let all = names.into_iter().chain(std::iter::repeat_n(last[0].clone(), LAST as usize)).collect();
    assert_eq!(records_of(&folder.path().join("files"), "id"), sorted(all));
}

/// Who does not wait for the word on a key is told 202: a repetition is counted once all the same, and another body under the
/// same key becomes a dead letter.
#[test]
fn a_late_verdict_changes_the_answer_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("letters.ndjson");
    let setup = process(folder.path(), "all", "late", "all").set("idempotency.verdict_timeout=1ms");
    let mut server = setup.set(&format!("dead_letters.file={}", letters.display())).start_ready();
    let (first, other) = (ids("first", 3), ids("other", 2));
    let keyed = |names: &[String]| batch(names).with("idempotency-key", "k");
    let post = |post: &Post| {
        let answer = server.post(post);
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()
    };
    let receipts = [post(&keyed(&first)), post(&keyed(&first)), post(&keyed(&other)), post(&keyed(&first))];
    assert!(receipts.iter().all(|receipt| receipt["duplicate"] == false), "{receipts:?}");
    decided(&server);
    let last = ids("last", 1);
    (0..LAST).for_each(|_| drop(post(&batch(&last))));
    delivered(&server, 3 + LAST);
    let letter: Value = eventually("the conflict is a dead letter", SESSION, || {
        serde_json::from_str(std::fs::read_to_string(&letters).ok()?.lines().next()?).ok()
    });
    assert_eq!((&letter["stage"], &letter["topic"]), (&json!("keys"), &json!("logs")));
    assert!(letter["reason"].as_str().unwrap().starts_with("key_conflict"), "{letter}");
    assert!(letter["payload"].as_str().unwrap().contains(&other[0]), "{letter}");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(&letters).unwrap().lines().count(), 1);
    let all = first.into_iter().chain(std::iter::repeat_n(last[0].clone(), LAST as usize)).collect();
    assert_eq!(records_of(&folder.path().join("all"), "id"), sorted(all));
}

/// Clients that repeat what they have no answer for, at whichever door they meet next.
struct Load {
    acks: Acks,
    clients: Vec<Client>,
}

impl Load {
    fn new(folder: &Path, seed: u64) -> Self {
        let acks = Acks::create(&folder.join("acknowledged.tsv")).unwrap();
        let clients = (0..4).map(|id| Client::new(seed, id, acks.clone()).with_late_verdicts()).collect();
        Self { acks, clients }
    }

    /// Half of the clients at each door while `meanwhile` lasts.
    fn during(&mut self, doors: &mut [Server; 2], meanwhile: impl FnOnce(&mut [Server; 2])) {
        let addresses = [doors[0].address(), doors[1].address()];
        self.clients.rotate_left(1);
        let clients = self.clients.iter_mut().zip(addresses.into_iter().cycle());
        while_working(clients, |(client, address), stop| client.work(address, stop), || meanwhile(doors));
    }
}

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn doors_killed_under_load_lose_double_alter_and_invent_nothing() {
    let (seed, kills) = (number("LOGMILL_TEST_SEED", 1), number("LOGMILL_TEST_KILLS", KILLS));
    println!("seed {seed}");
    let (folder, mut rng) = (tempfile::tempdir().unwrap(), Rng::with_seed(seed));
    let setups = ["a", "b"].map(|name| process(folder.path(), name, "door-kills", "ingest"));
    let mut files = process(folder.path(), "files", "door-kills", "files,dead-letters").start_ready();
    let mut doors = [setups[0].start_ready(), setups[1].start_ready()];
    let mut load = Load::new(folder.path(), seed);
    for kill in 0..kills {
        let (which, moment) = (rng.usize(..2), Duration::from_millis(rng.u64(50..4_000)));
        println!("kill {kill}: door {which} after {moment:?}");
        load.during(&mut doors, |doors| {
            std::thread::sleep(moment);
            doors[which].kill();
            // The other one goes on, with half of the keys decided by nobody for a while.
            std::thread::sleep(Duration::from_millis(500));
        });
        doors[which] = setups[which].start_ready();
    }
    load.during(&mut doors, |_| std::thread::sleep(Duration::from_secs(1)));
    let address = doors[0].address();
    load.clients.iter_mut().for_each(|client| client.settle(address));
    decided(&doors[0]);
    let mut last = Client::new(seed, 9, load.acks.clone()).without_keys();
    let before = load.acks.figures().0;
    while_working(
        [&mut last],
        |last, stop| last.work(address, stop),
        || {
            eventually("the last batches are there", SESSION, || {
                (load.acks.figures().0 >= before + LAST).then_some(())
            });
        },
    );
    let (batches, records, repeated) = load.acks.figures();
    println!("{batches} batches, {records} records acknowledged, {repeated} repetitions after an answer");
    let mut row = delivered(&files, records);
    assert_eq!(files.stop(), Some(0));
    (row["accepted"], row["queued"]) = (row["read"].clone(), json!(0));
    let told = check(&load.acks, &folder.path().join("files"), &json!({ "ledger": [row] }));
    println!("{}", told.trim_end());
    assert!(load.acks.complaints().is_empty(), "{:?}", load.acks.complaints());
    assert!(batches > 40 && repeated > 0, "there was no load");
}
