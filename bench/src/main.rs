//! What each path costs, beside its limits, in one run: `make bench`.
//!
//! The server is pinned to one core and the load to the other. All figures are CPU time of the server, so that
//! they do not depend on how fast the load comes; ratios are what counts, these machines are noisy.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::format_push_string)]

mod bodies;
mod counts;
mod courier;
mod door;
mod echo;
mod kafka;
mod lake;
mod lake_commits;
mod limits;
mod load;
mod many;
mod otlp;
mod rebalance;
mod server;
mod setup;
mod slow;
mod state;
mod workers;

use std::time::Duration;

use load::Load;
use server::Server;

/// That of logmill, so that what is done here is held against it fairly.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_default();
    match what.as_str() {
        "echo-server" => echo::serve(),
        "limits" => limits::print(),
        "ingest" => ingest(),
        "small" => small(),
        "files" => files(),
        "idle" => idle(),
        "overload" => state::overload(seconds()),
        "start" => state::start(),
        "keys" => state::keys(),
        "kafka" => kafka::print(),
        "door" => door::print(),
        "workers" => workers::print(),
        "rebalance" => rebalance::print(),
        "slow" => slow::print(),
        "counts" => counts::print(),
        "drain" => counts::drain(),
        "customers" => many::customers(),
        "windows" => many::windows(),
        "courier" => courier::print(),
        "otlp" => otlp::print(),
        "lake-commits" => lake_commits::print(),
        "lake-files" => lake_commits::files(),
        "lake" => lake::print(),
        "days" => lake::days(),
        "" | "all" => {
            limits::print();
            ingest();
            small();
            files();
            idle();
            state::overload(seconds());
        }
        other => {
            eprintln!(
                "no benchmark {other:?}; there are: limits, ingest, small, files, idle, overload, start, keys, kafka, \
                 door, workers, rebalance, slow, counts, drain, customers, windows, courier, otlp, \
                 lake, days, lake-commits, lake-files, all"
            );
            std::process::exit(64);
        }
    }
}

/// Seconds of load of each run.
fn seconds() -> Duration {
    Duration::from_secs(state::number("BENCH_SECONDS", 5))
}

fn per_cpu_second(records: u64, cpu: Duration) -> f64 {
    records as f64 / cpu.as_secs_f64().max(0.001)
}

/// Runs one load and tells what the server paid for it.
fn run(name: &str, server: &mut Server, load: &Load) -> (u64, Duration) {
    // The first second fills caches and touches memory for the first time; it is not counted.
    load.run(server.address(), Duration::from_secs(1));
    let before = server.cpu();
    let syncs = server.syncs();
    let answered = load.run(server.address(), seconds());
    let cpu = server.cpu().minus(before);
    let records = answered * load.records_a_body();
    println!(
        "{name:<34} {:>9.0} records/CPU-s   {:>7.0} requests/CPU-s   user {:.2} s, system {:.2} s{}",
        per_cpu_second(records, cpu.all()),
        per_cpu_second(answered, cpu.all()),
        cpu.user.as_secs_f64(),
        cpu.system.as_secs_f64(),
        syncs.map_or(String::new(), |before| {
            let n = server.syncs().unwrap_or(before) - before;
            format!("   {:.1} requests a sync", answered as f64 / n.max(1) as f64)
        })
    );
    (records, cpu.all())
}

/// A log that uses its segments again, as it does once retention has something to remove: their pages are in
/// the page cache already. The other runs write fresh files, whose pages a virtual machine gets at a high cost.
const RECYCLED: [&str; 4] = ["--set", "queue.segment_bytes=64MiB", "--set", "queue.retention_bytes=64MiB"];

/// Loads a server until its segments are used again.
fn warm(server: &Server, load: &Load) {
    load.run(server.address(), Duration::from_secs(4));
    server.wait_until_drained();
}

/// Runs a load on the echo server and on logmill's door; answers the echo server's rate.
fn door_beside_echo(load: &Load) -> f64 {
    let mut echo = Server::echo();
    let (records, cpu) = run("hyper echo, same bodies", &mut echo, load);
    let bound = per_cpu_second(records, cpu);
    drop(echo);
    let mut server = Server::logmill(&["--roles", "ingest"]);
    let (records, cpu) = run("logmill, ingest only", &mut server, load);
    println!("  {:.2} of the echo server's rate", per_cpu_second(records, cpu) / bound);
    bound
}

fn ingest() {
    println!("\nPOST /logs, 1,000 records a batch, 16 connections, answered after fdatasync");
    let load = Load::new(&bodies::real(1000), 16);
    let bound = door_beside_echo(&load);
    let mut server = Server::logmill(&["--roles", "ingest"]);
    run("logmill, further fields (300 B)", &mut server, &Load::new(&bodies::rich(1000), 16));
    drop(server);
    let without_files = ["--roles", "ingest,dead-letters", "--set", "files.enabled=false"];
    let mut server = Server::logmill(&[&without_files[..], &RECYCLED].concat());
    warm(&server, &load);
    let (records, cpu) = run("logmill, segments used again", &mut server, &load);
    println!(
        "  {:.2} of the echo server's rate; the log is read once besides",
        per_cpu_second(records, cpu) / bound
    );
}

fn small() {
    println!("\nPOST /logs, 10 records a batch, 256 connections, answered after fdatasync");
    let load = Load::new(&bodies::real(10), 256);
    door_beside_echo(&load);
}

fn files() {
    println!("\nPOST /logs to the hourly files, until nothing is queued");
    let load = Load::new(&bodies::real(1000), 16);
    files_run("logmill, fresh segments", &Server::logmill(&[]), &load);
    files_run("logmill, segments used again", &Server::logmill(&RECYCLED), &load);
    println!("{:<34} {:>9.0} records/CPU-s", "a plain loop: parse and write", limits::parse_and_write());
}

fn files_run(name: &str, server: &Server, load: &Load) {
    warm(server, load);
    let before = server.cpu();
    let answered = load.run(server.address(), seconds());
    server.wait_until_drained();
    let cpu = server.cpu().minus(before);
    let records = answered * load.records_a_body();
    println!(
        "{name:<34} {:>9.0} records/CPU-s   user {:.2} s, system {:.2} s   resident {} MiB",
        per_cpu_second(records, cpu.all()),
        cpu.user.as_secs_f64(),
        cpu.system.as_secs_f64(),
        server.resident() >> 20
    );
}

fn idle() {
    println!("\nidle");
    let server = Server::logmill(&[]);
    std::thread::sleep(Duration::from_secs(2));
    let before = server.cpu();
    std::thread::sleep(Duration::from_secs(10));
    let cpu = server.cpu().minus(before).all();
    let share = cpu.as_secs_f64() / 10.0 * 100.0;
    println!("{:<34} resident {} MiB, {share:.2} % of a core", "logmill", server.resident() >> 20);
}
