//! Dead letters while the server is killed: Kafka's own client finds each rejected record in their topic once.

mod sender;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use fastrand::Rng;
use logmill_e2e::{Post, Server, eventually, records_of};
use logmill_testkit::services::kafka::{self, Kafka};
use serde_json::Value;

use self::sender::{Sender, Sent, Told};
use super::{SESSION, drained, java, setup, while_working};
use crate::samples::{number, record};

const KILLS: u32 = 2;
const SENDERS: u64 = 3;
/// Load right after a start, while the killed member still has the partitions.
const EARLY: Duration = Duration::from_millis(400);
/// A place beyond the end of a partition is asked about for 3 s before a sink stops because of it.
const BELIEVED: Duration = Duration::from_secs(5);
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kafka/letters/Committed.java");

/// The load is on while `meanwhile` lasts.
fn during(senders: &mut [Sender], server: &mut Server, meanwhile: impl FnOnce(&mut Server)) -> u64 {
    let (address, stored) = (server.address(), AtomicU64::new(0));
    while_working(senders, |sender, stop| sender.work(address, stop, &stored), || meanwhile(server));
    stored.into_inner()
}

/// The values of all committed messages of a topic, in order, as Kafka's own client reads them.
pub(crate) fn committed(kafka: &Kafka, topic: &str) -> Vec<String> {
    java(kafka, READER, topic).split_terminator('\0').map(str::to_owned).collect()
}

/// The letters in the file that shows them, in order.
fn shown(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["payload"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What there is, once it is as much as the ledger says was rejected; the stage of the letters has no row of its own that says
/// when it is done. What is missing then is for the caller to say.
fn settled(rejected: usize, ask: impl Fn() -> Vec<String>) -> Vec<String> {
    let began = Instant::now();
    loop {
        let found = ask();
        if found.len() >= rejected || began.elapsed() > SESSION {
            return found;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn counts(texts: Vec<String>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    texts.into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
    counts
}

/// What is not as the senders were told. A batch without an answer is there as a whole, or not at all: its records in the files
/// and its letters alike.
fn wrong<'a>(sent: impl Iterator<Item = &'a Sent>, files: Vec<String>, letters: Vec<String>) -> Vec<String> {
    let (mut files, mut letters) = (counts(files), counts(letters));
    let mut wrong = Vec::new();
    for Sent { good, bad, told } in sent {
        let records = good.iter().map(|id| (id, files.remove(id)));
        let all = records.chain(bad.iter().map(|letter| (letter, letters.remove(letter))));
        let all: Vec<(&String, usize)> = all.map(|(text, count)| (text, count.unwrap_or(0))).collect();
        let expected = match told {
            Told::Stored => 1,
            Told::Refused => 0,
            Told::Unknown => all.first().map_or(0, |(_, count)| (*count).min(1)),
        };
        let differs = all.iter().filter(|(_, count)| *count != expected);
        wrong.extend(differs.map(|(text, count)| format!("{told:?}: {count} instead of {expected}: {text}")));
    }
    wrong.extend(files.keys().map(|id| format!("nobody sent this record: {id}")));
    wrong.extend(letters.keys().map(|letter| format!("nobody sent this letter: {letter}")));
    wrong
}

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn rejected_records_are_in_the_topic_once_whenever_the_server_is_killed() {
    let seed = number("LOGMILL_TEST_SEED", 1);
    let kills = number("LOGMILL_TEST_KILLS", KILLS);
    println!("seed {seed}");
    let (folder, mut rng) = (tempfile::tempdir().unwrap(), Rng::with_seed(seed));
    let (data, file) = (folder.path().join("data"), folder.path().join("letters.ndjson"));
    let setup = setup(&data, &kafka::shared().brokers(), "letters");
    let setup = setup.set(&format!("dead_letters.file={}", file.display()));
    let mut senders: Vec<Sender> = (0..SENDERS).map(|number| Sender::new(seed, number)).collect();
    let mut stored = 0;
    for kill in 0..kills {
        let mut server = setup.start();
        stored += during(&mut senders, &mut server, |_| std::thread::sleep(EARLY));
        stored += during(&mut senders, &mut server, |server| {
            // Only then it has its partitions, and the transactions of the one before are ended.
            let written = || server.output().contains("a dead letter was written").then_some(());
            eventually("letters are written", SESSION, written);
            let moment = Duration::from_millis(rng.u64(20..2500));
            std::thread::sleep(moment);
            assert!(server.is_running(), "{}", server.output());
            server.kill();
            println!("kill {kill}: {moment:?} after its first letter");
        });
    }
    let mut server = setup.start();
    stored += during(&mut senders, &mut server, |_| std::thread::sleep(EARLY));
    let ledger = drained(&server);
    let rejected = ledger["ledger"][0]["rejected"].as_u64().unwrap() as usize;
    let letters = settled(rejected, || committed(kafka::shared(), "letters.logs.dlq"));
    let shown = settled(rejected, || shown(&file));
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let records = records_of(&data, "id");
    println!("{stored} batches acknowledged, {} records, {} letters", records.len(), letters.len());
    assert!(shown == letters, "the file shows {} letters, others than the topic holds", shown.len());
    let wrong = wrong(senders.iter().flat_map(|sender| &sender.sent), records, letters);
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    assert!(stored > 100, "there was no load");
}

/// The file's lines name places in the one partition that letters go to; the topic has as many as any other.
#[test]
fn a_server_that_shows_its_letters_in_a_file_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("letters.ndjson"));
    let setup = setup(&data, &kafka::shared().brokers(), "shown");
    let setup = setup.set(&format!("dead_letters.file={}", file.display()));
    let lenient = |id: &str| {
        let bad = record(id).replace("2026", "never");
        Post::json(format!("[{},{bad}]", record(&format!("{id}-good")))).with("prefer", "handling=lenient")
    };
    for life in 1..=2 {
        let mut server = setup.start_ready();
        assert_eq!(server.post(&lenient(&format!("life-{life}"))).status, 202);
        eventually("the letter is shown", SESSION, || (shown(&file).len() >= life).then_some(()));
        std::thread::sleep(BELIEVED);
        let _ = drained(&server);
        assert_eq!(server.stop(), Some(0), "{}", server.output());
    }
    assert_eq!(shown(&file).len(), 2);
}
