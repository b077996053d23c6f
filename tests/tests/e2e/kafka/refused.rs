//! Settings that are refused at the start, and batches that Kafka or logmill refuses.

use fastrand::Rng;
use logmill_e2e::{Post, Setup, records_of};
use logmill_testkit::services::kafka;

use super::{drained, setup};
use crate::samples::{batch, ids, record, sorted};

/// What a refused start says.
fn refused(settings: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let setup = settings.iter().fold(Setup::new(folder.path()), |setup, setting| setup.set(setting));
    let output = setup.command().output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{told}");
    told
}

#[test]
fn acknowledgements_that_are_not_durable_are_refused_at_the_start() {
    for acks in ["0", "1"] {
        let acks = format!("queue.kafka.acks={acks}");
        let told = refused(&["queue.kafka.brokers=127.0.0.1:9092", &acks]);
        assert!(told.contains("queue.kafka.acks") && told.contains("durable"), "{told}");
    }
}

#[test]
fn brokers_without_a_port_are_refused_at_the_start() {
    for brokers in
        ["localhost", "127.0.0.1:9092,other", "localhost:", "localhost:0", ":9092", "localhost:99999"]
    {
        let told = refused(&[&format!("queue.kafka.brokers={brokers}")]);
        assert!(told.contains("queue.kafka.brokers") && told.contains("host:port"), "{brokers}: {told}");
    }
}

/// A record that no compression makes smaller.
pub(crate) fn noise(id: &str, bytes: usize, rng: &mut Rng) -> String {
    let pad: String = (0..bytes).map(|_| rng.alphanumeric()).collect();
    record(id).replace('}', &format!(r#","pad":"{pad}"}}"#))
}

/// The limit was raised after the topic had been made: topics are never changed.
#[test]
fn a_batch_that_the_topic_has_no_room_for_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let brokers = kafka::shared().brokers();
    let first = setup(&folder.path().join("first"), &brokers, "large").argument("--roles").argument("ingest");
    let mut first = first.set("limits.max_batch_bytes=64KiB").start_ready();
    assert_eq!(first.post(&batch(&ids("small", 2))).status, 202);
    assert_eq!(first.stop(), Some(0));

    let data = folder.path().join("data");
    let mut server = setup(&data, &brokers, "large").start_ready();
    let mut rng = Rng::with_seed(7);
    for size in [400_000, 1_500_000] {
        let answer = server.post(&Post::json(format!("[{}]", noise("large", size, &mut rng))));
        let told = answer.text();
        println!("{size}: {} {told}", answer.status);
        assert!((400..600).contains(&answer.status), "{told}");
        assert!(told.to_lowercase().contains("size") || told.contains("large"), "{told}");
        assert!(!told.contains("outcome-unknown"), "{told}");
        assert_eq!(server.post(&batch(&ids(&format!("after-{size}"), 2))).status, 202);
    }
    let _ = drained(&server);
    let expected =
        ["small-0", "small-1", "after-400000-0", "after-400000-1", "after-1500000-0", "after-1500000-1"];
    assert_eq!(records_of(&data, "id"), sorted(expected.map(str::to_owned).to_vec()));
    assert!(server.is_running());
}

/// Two of them are more than the topic takes at once.
const SIZE: usize = 50_000;

/// Each has room in the topic; the client may not put so many into one request that they have none together.
#[test]
fn batches_that_come_at_once_are_not_refused_for_each_others_size() {
    let folder = tempfile::tempdir().unwrap();
    let brokers = kafka::shared().brokers();
    let first =
        setup(&folder.path().join("first"), &brokers, "at-once").argument("--roles").argument("ingest");
    let first = first.set("limits.max_batch_bytes=1KiB").set("queue.kafka.partitions=1");
    let mut first = first.start_ready();
    assert_eq!(first.post(&batch(&ids("first", 1))).status, 202);
    assert_eq!(first.stop(), Some(0));

    let data = folder.path().join("data");
    let server = setup(&data, &brokers, "at-once").start_ready();
    let alone = noise("alone", SIZE, &mut Rng::with_seed(99));
    assert_eq!(server.post(&Post::json(format!("[{alone}]"))).status, 202, "one alone has room");
    let answers = std::thread::scope(|scope| {
        let server = &server;
        let post = |client: u64| {
            let mut rng = Rng::with_seed(client);
            let mut connection = server.connect();
            let mut one = |n: u32| {
                let record = noise(&format!("{client}-{n}"), SIZE, &mut rng);
                connection.post(&Post::json(format!("[{record}]"))).unwrap()
            };
            (0..10).map(&mut one).collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..16).map(|client| scope.spawn(move || post(client))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let bad: Vec<String> = answers.iter().filter(|a| a.status != 202).map(|a| a.text()).collect();
    assert!(bad.is_empty(), "{} of {}: {}", bad.len(), answers.len(), bad[0]);
    let _ = drained(&server);
    assert_eq!(records_of(&data, "id").len(), answers.len() + 2);
}
