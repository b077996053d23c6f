//! No broker, no topic: the process says so, lives, and goes on when they are there.

use std::path::Path;
use std::time::{Duration, Instant};

use logmill_e2e::{Server, eventually, records_of};
use logmill_testkit::services::kafka::{self, Kafka};

use super::{drained, setup};
use crate::samples::{batch, ids, sorted};

/// The longest that a client waits for a refusal.
const REFUSAL: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until readiness is bad, and not because something is only starting.
pub(crate) fn unready(server: &Server) -> String {
    eventually("the process says why it is not ready", PATIENCE, || {
        let ready = server.get("/readyz");
        (ready.status == 503 && !ready.text().contains("is starting")).then(|| ready.text())
    })
}

/// A refusal: repeat it later; it is not stored.
pub(crate) fn is_refused(server: &Server, prefix: &str) {
    let began = Instant::now();
    let answer = server.post(&batch(&ids(prefix, 2)));
    println!("refused after {:?}: {}", began.elapsed(), answer.text());
    assert!(began.elapsed() < REFUSAL, "answered after {:?}", began.elapsed());
    assert_eq!(answer.status, 503, "{}", answer.text());
    let after = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
    assert!(after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", answer.headers);
    assert!(!answer.text().contains("outcome-unknown"), "{}", answer.text());
}

/// Works without a restart, and has stored nothing that was refused.
fn works(server: &mut Server, dir: &Path, mut stored: Vec<String>) {
    let began = Instant::now();
    let good = ids("good", 3);
    eventually("a batch is taken", PATIENCE, || (server.post(&batch(&good)).status == 202).then_some(()));
    let _ = drained(server);
    println!("in the files {:?} after it could work", began.elapsed());
    stored.extend(good);
    assert_eq!(records_of(dir, "id"), sorted(stored));
    assert_eq!(server.stop(), Some(0), "{}", server.output());
}

#[test]
fn without_a_broker_it_says_so_lives_and_works_when_one_comes() {
    let folder = tempfile::tempdir().unwrap();
    let kafka = Kafka::start(1, &[]);
    kafka.kill(1);
    let began = Instant::now();
    let dir = folder.path().join("data");
    let mut server = setup(&dir, &kafka.brokers(), "absent").start();
    println!("listens after {:?}", began.elapsed());
    is_refused(&server, "first");
    let told = unready(&server);
    println!("says why it is not ready after {:?}", began.elapsed());
    is_refused(&server, "second");
    assert!(server.is_running());
    kafka.restart(1);
    works(&mut server, &dir, Vec::new());
    assert!(told.contains(&kafka.brokers()), "the broker is not named: {told}");
}

/// Whoever sends it batches looks here.
#[test]
fn a_door_alone_without_a_broker_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = setup(folder.path(), &free, "door").argument("--roles").argument("ingest").start();
    is_refused(&server, "first");
    let told = unready(&server);
    assert!(told.contains(&free), "the broker is not named: {told}");
}

#[test]
fn a_topic_that_may_not_be_created_is_named_with_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let brokers = kafka::shared().brokers();
    let dir = folder.path().join("data");
    let mut server = setup(&dir, &brokers, "no-topic").set("queue.kafka.create_topics=false").start();
    is_refused(&server, "first");
    let told = unready(&server);
    for word in ["no-topic.logs", "kafka-topics.sh", "--create", &brokers] {
        assert!(told.contains(word), "{word}: {told}");
    }
    // Somebody creates it, and is the first to use it.
    let other = setup(&folder.path().join("other"), &brokers, "no-topic");
    let mut other = other.argument("--roles").argument("ingest").start_ready();
    assert_eq!(other.post(&batch(&ids("other", 1))).status, 202);
    assert_eq!(other.stop(), Some(0));
    works(&mut server, &dir, ids("other", 1));
}
