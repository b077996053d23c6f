//! The same binary with Kafka as its log: real brokers, killed servers, killed brokers.

pub(crate) mod access_log;
mod broker;
pub(crate) mod commands;
mod counts;
mod keys;
mod kills;
mod letters;
mod refused;
mod restart;
mod surroundings;

pub(crate) use letters::committed;
pub(crate) use refused::noise;
pub(crate) use surroundings::{is_refused, unready};

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logmill_e2e::crash::{Acks, Client, check};
use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::kafka::Kafka;
use serde_json::{Value, json};

/// A member that was killed keeps its partitions for 10 s; the rest is for a machine that is busy.
pub(crate) const SESSION: Duration = Duration::from_secs(40);

/// Of a load; each has one batch under way at a time.
pub(crate) const CLIENTS: u32 = 4;

/// The binary on these brokers. Names on the broker begin with the prefix, so that tests do not meet.
pub(crate) fn setup(dir: &Path, brokers: &str, prefix: &str) -> Setup {
    let setup = Setup::new(dir).set(&format!("queue.kafka.brokers={brokers}"));
    setup.set(&format!("queue.kafka.topic_prefix={prefix}."))
}

/// What a Java program of one file prints about these brokers, with Kafka's own client from the jars of the broker that runs.
pub(crate) fn java(kafka: &Kafka, program: &str, argument: &str) -> String {
    let pid = kafka.pid(1).expect("the broker runs");
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let jars = line.split('\0').skip_while(|argument| *argument != "-cp").nth(1).expect("a class path");
    let mut java = Command::new("java");
    java.args(["-cp", jars, program]).arg(kafka.brokers()).arg(argument);
    let output = java.output().expect("java must be installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Waits until the files have what the topic has; answers the ledger. This log counts no records: what was accepted is for
/// the checker to know, by the clients' notes.
pub(crate) fn drained(server: &Server) -> Value {
    server.wait_ready();
    let mut ledger = server.drained();
    for row in ledger["ledger"].as_array_mut().unwrap() {
        assert_eq!((&row["accepted"], &row["queued"]), (&Value::Null, &Value::Null), "it counts: {row}");
        assert_eq!(row["queued_frames"], 0);
        row["accepted"] = row["read"].clone();
        row["queued"] = json!(0);
    }
    ledger
}

/// How many records the files' row says were delivered.
pub(crate) fn delivered(server: &Server) -> u64 {
    server.ledger()["delivered"].as_u64().unwrap_or_default()
}

/// Clients without keys, the notes of what they were told, and the folder of the server they load.
pub(crate) struct Load {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) acks: Acks,
    clients: Vec<Client>,
}

impl Load {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let acks = Acks::create(&folder.path().join("acknowledged.tsv")).unwrap();
        let clients = (0..CLIENTS).map(|id| Client::new(seed, id, acks.clone()).without_keys()).collect();
        Self { folder, acks, clients }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The load is on while `meanwhile` lasts.
    pub(crate) fn during<T>(&mut self, server: &mut Server, meanwhile: impl FnOnce(&mut Server) -> T) -> T {
        let address = server.address();
        while_working(&mut self.clients, |client, stop| client.work(address, stop), || meanwhile(server))
    }

    /// The checker finds nothing missing, doubled, altered or invented.
    pub(crate) fn is_good(&self, ledger: &Value) {
        let told = check(&self.acks, &self.data(), ledger);
        println!("{}", told.trim_end());
        assert!(self.acks.complaints().is_empty(), "{:?}", self.acks.complaints());
    }
}

/// Each of the workers works on a thread of its own while `meanwhile` lasts, and is told to stop then.
fn while_working<W: Send, T>(
    workers: impl IntoIterator<Item = W>,
    work: impl Fn(W, &AtomicBool) + Sync,
    meanwhile: impl FnOnce() -> T,
) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in workers {
            let (work, stop) = (&work, &stop);
            scope.spawn(move || work(worker, stop));
        }
        // Also when it panics: the scope waits for the workers.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        stop.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Waits for so many more acknowledged batches.
pub(crate) fn acknowledged(acks: &Acks, more: u64) {
    let before = acks.figures().0;
    let patience = Duration::from_secs(60);
    eventually("batches are acknowledged", patience, || (acks.figures().0 >= before + more).then_some(()));
}
