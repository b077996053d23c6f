//! The topic on Kafka, which Collectors write and read as well.

use std::path::Path;
use std::time::Duration;

use logmill_e2e::{Lake, Sending, Server, Setup, eventually};
use logmill_testkit::services::collector::{Collector, Compression, Route};
use logmill_testkit::services::kafka;

use super::setup;
use crate::kafka::commands::good;
use crate::kafka::{java, setup as on_kafka};

/// Messages of others come in their own time.
const PATIENCE: Duration = Duration::from_secs(60);
const RECORDS: u32 = 300;
const SEND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/lake/Send.java");

/// A server on the one broker of all tests, with a lake in its own folder, which belongs to one worker.
fn with_lake(dir: &Path, prefix: &str, partitions: u32) -> Setup {
    let setup = on_kafka(dir, &kafka::shared().brokers(), prefix);
    let setup = setup.set("lake.enabled=true").set("lake.flush.interval=300ms");
    setup.set(&format!("queue.kafka.partitions={partitions}"))
}

/// Waits until the ledger says that the lake has so many records and that so many others became dead letters.
fn told(server: &Server, delivered: u32, dead_letters: u32) {
    let mut row = serde_json::Value::Null;
    let is_told = || {
        row = server.ledger_of("lake");
        (row["delivered"] == delivered && row["dead_lettered"] == dead_letters).then_some(())
    };
    eventually("the ledger tells of all records", PATIENCE, is_told);
    assert_eq!(row["read"], delivered + dead_letters, "{row}");
}

#[test]
fn collectors_write_and_read_the_topic_and_each_record_is_in_both_lakes_once() {
    let folder = tempfile::tempdir().unwrap();
    let dirs = ["first", "second"].map(|name| folder.path().join(name));
    let first = with_lake(&dirs[0], "lake-topic", 3).start_ready();
    let second = setup(&dirs[1]).start_ready();
    let (broker, topic) = (kafka::shared().address(1), "lake-topic.otel-logs");
    let writer = Collector::start(Route::ToKafka { broker: &broker, topic }, Compression::Zstd);
    let target = format!("http://{}", second.otlp_http());
    let reader = Route::FromKafka { broker: &broker, topic, target: &target };
    let _reader = Collector::start(reader, Compression::Gzip);
    let ways = [
        ("collector", "grpc", writer.grpc().parse().unwrap(), &[][..]),
        ("sdk-http", "http", first.otlp_http(), &[][..]),
        // These reach the topic in transactions.
        ("sdk-keys", "grpc", first.otlp_grpc(), &["--keys"][..]),
    ];
    let sent = ways.map(|(client, protocol, to, options)| {
        Sending { client, protocol, to, records: RECORDS, batch: 50, options }.run(folder.path())
    });
    for (server, dir) in [(&first, &dirs[0]), (&second, &dirs[1])] {
        told(server, 3 * RECORDS, 0);
        Lake::of(dir).check(&sent, "pyiceberg");
    }
    let [rows, copied] = dirs.map(|dir| Lake::of(&dir).rows("duckdb"));
    assert!(rows == copied, "the second lake has other rows than the first one");
}

#[test]
fn a_message_that_is_no_request_is_a_dead_letter_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = with_lake(folder.path(), "lake-letter", 1).start_ready();
    let (broker, topic) = (kafka::shared().address(1), "lake-letter.otel-logs");
    let collector = Collector::start(Route::ToKafka { broker: &broker, topic }, Compression::Gzip);
    let to = collector.grpc().parse().unwrap();
    let send = |client| {
        let sending = Sending { client, protocol: "grpc", to, records: RECORDS, batch: 50, options: &[] };
        sending.run(folder.path())
    };
    let before = send("before");
    told(&server, RECORDS, 0);
    java(kafka::shared(), SEND, &format!("{topic} this is no request"));
    let after = send("after");
    told(&server, 2 * RECORDS, 1);
    let letters = good("lake-letter", &["dlq", "--topic", "otel-logs", "list"]);
    println!("{letters}");
    let [letter] = letters.lines().collect::<Vec<_>>()[..] else { panic!("not one letter: {letters}") };
    assert!(letter.contains(" otel-logs/0/6 ") && letter.contains("at byte"), "{letter}");
    let number = letter.split(' ').next().unwrap();
    let shown = good("lake-letter", &["dlq", "--topic", "otel-logs", "show", number]);
    assert!(shown.contains("this is no request"), "{shown}");
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    Lake::of(folder.path()).check(&[before, after], "pyiceberg");
}
