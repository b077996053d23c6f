//! The same paths on Kafka: `BENCH_KAFKA=127.0.0.1:19092 logmill-bench kafka`, beside a broker that is there already.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::server::Server;
use crate::setup::{DOOR, arguments, on_kafka};
use crate::state::post_keys;
use crate::{bodies, per_cpu_second, run, seconds};

const FILES: [&str; 2] = ["--roles", "files"];
/// Rounds of the comparison of the files; both logs take turns.
const ROUNDS: usize = 3;
const PARTITIONS: u16 = 4;
const FIRST_KEYS: u64 = 64;
const KEYS_A_CONNECTION: u64 = 30;

pub(crate) fn print() {
    let brokers = std::env::var("BENCH_KAFKA").expect("BENCH_KAFKA names a broker, host:port");
    println!("\nPOST /logs, 1,000 records a batch, 16 connections");
    let load = Load::new(&bodies::real(1000), 16);
    let mut server = Server::logmill(&DOOR);
    let (records, cpu) = run("embedded, after fdatasync", &mut server, &load);
    drop(server);
    let settings = on_kafka(&brokers, "door", PARTITIONS);
    let mut server = Server::logmill(&arguments(&DOOR, &settings));
    server.wait_until_ready();
    let (on_kafka, paid) = run("Kafka, after acks=all, lz4", &mut server, &load);
    drop(server);
    let ratio = per_cpu_second(records, cpu) / per_cpu_second(on_kafka, paid);
    println!("  {ratio:.2} times the CPU of the embedded log");
    keys(&brokers);
    files(&brokers, &load);
}

/// What a batch with a key waits for its verdict; without one it waits for the brokers alone.
fn keys(brokers: &str) {
    println!("\none record a batch, each with a key");
    let server = Server::logmill(&arguments(&DOOR, &on_kafka(brokers, "keys", PARTITIONS)));
    server.wait_until_ready();
    // The first ones wait for the topics and for the group.
    let mut next = FIRST_KEYS;
    post_keys(server.address(), 0..next, 8);
    for connections in [1, 8, 64, 256] {
        let count = KEYS_A_CONNECTION * connections;
        let began = Instant::now();
        let taken = post_keys(server.address(), next..next + count, connections as usize);
        assert_eq!(taken, count, "not all were taken");
        next += count;
        let (took, at_once) = (began.elapsed(), connections as f64);
        let mean = took.as_secs_f64() * 1000.0 * at_once / count as f64;
        println!(
            "{connections:>4} at once: {mean:.0} ms each, {:.0} a second",
            count as f64 / took.as_secs_f64()
        );
    }
}

/// What was taken by a door, then written by a process that does nothing else.
fn files(brokers: &str, load: &Load) {
    println!("\nto the hourly files, by a process with role files alone");
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let embedded = drained("embedded", load, &[]);
        let kafka = drained("Kafka", load, &on_kafka(brokers, &format!("files-{round}"), PARTITIONS));
        ratios.push(kafka / embedded);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "  {:.2} of the embedded log's rate (median of {ROUNDS}, {:.2} to {:.2})",
        ratios[1], ratios[0], ratios[2]
    );
}

fn drained(name: &str, load: &Load, settings: &[String]) -> f64 {
    let door = Server::logmill(&arguments(&DOOR, settings));
    door.wait_until_ready();
    let records = load.run(door.address(), seconds()) * load.records_a_body();
    let worker = door.restarted(&arguments(&FILES, settings));
    for _ in 0..6000 {
        if worker.delivered() >= records {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(worker.delivered(), records, "{name}: not all records arrived");
    // All that the process has paid since it began.
    let cpu = worker.cpu();
    let rate = per_cpu_second(records, cpu.all());
    println!(
        "{name:<34} {rate:>9.0} records/CPU-s   user {:.2} s, system {:.2} s   resident {} MiB",
        cpu.user.as_secs_f64(),
        cpu.system.as_secs_f64(),
        worker.resident() >> 20
    );
    // The brokers' work on what was posted must not fall into the next measurement.
    let _ = Command::new("sync").status();
    rate
}
