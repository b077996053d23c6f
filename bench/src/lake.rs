//! OpenTelemetry logs out of a filled log into the lake: what the sink costs beside encoding alone, and the memory of many days.

mod encode;

use std::time::Duration;

use crate::load::Load;
use crate::otlp::bodies;
use crate::server::Server;
use crate::state::number;

/// Records of a request, and requests that differ: one that came again would be found by compression.
const RECORDS: u64 = 1000;
const REQUESTS: u64 = 512;
/// The door alone, with the lake that will read it: its group keeps what was not read.
const FILLING: [&str; 2] = ["--roles", "otlp"];
/// The sink alone. What is left at the end is less than a commit and waits for the interval.
const DRAINING: [&str; 4] = ["--roles", "lake", "--set", "lake.flush.interval=5s"];

/// A log with requests that nobody has read.
struct Filled {
    server: Server,
    records: u64,
    bytes: u64,
}

/// Fills a log with at least `BENCH_LAKE_MB` (1,000) megabytes of requests, whose records are of so many days.
fn filled(days: u64) -> Filled {
    let wanted = number("BENCH_LAKE_MB", 1000) * 1_000_000;
    let requests: Vec<Vec<u8>> = (0..REQUESTS).map(|n| bodies::request_of_days(n, RECORDS, days)).collect();
    let size = requests.iter().map(Vec::len).sum::<usize>() as u64 / REQUESTS;
    let headers = "content-type: application/x-protobuf\r\n";
    let load = Load::posting("/v1/logs", headers, &requests, RECORDS, 16);
    let server = Server::logmill(&FILLING);
    server.wait_until_ready();
    let mut taken = 0;
    while taken * size < wanted {
        taken += load.run(server.address(), Duration::from_millis(200));
    }
    Filled { server, records: taken * RECORDS, bytes: taken * size }
}

impl Filled {
    /// Starts the sink on the log, and waits until all of it is in the table.
    fn drained(self, settings: &[&str]) -> Server {
        let server = self.server.restarted(&[&DRAINING[..], settings].concat());
        server.wait_until_ready();
        server.wait_until_drained();
        let rows = server.metric("lake_rows_committed_total").unwrap_or_default();
        assert!(rows >= self.records as f64, "{rows} rows of {} records", self.records);
        server
    }
}

/// Prints what a core writes, beside encoding the same rows alone.
pub(crate) fn print() {
    let log = filled(1);
    let (records, bytes) = (log.records, log.bytes);
    println!("\nlog to committed Parquet, one core: {records} records, {} MB of OTLP", bytes / 1_000_000);
    let server = log.drained(&[]);
    let cpu = server.cpu();
    show("the lake's sink", bytes, records, cpu.all());
    println!(
        "  user {:.2} s, system {:.2} s, {:.0} commits, resident {} MiB at most",
        cpu.user.as_secs_f64(),
        cpu.system.as_secs_f64(),
        server.metric("lake_commit_duration_seconds_count").unwrap_or_default(),
        server.peak() >> 20
    );
    let (rows, alone) = encode::again(&server.folder().join("lake"));
    assert!(rows >= records, "{rows} rows in the files of {records} records");
    show("encoding its rows alone", bytes, records, alone);
    println!("  {:.2} of encoding alone", alone.as_secs_f64() / cpu.all().as_secs_f64());
}

fn show(name: &str, bytes: u64, records: u64, cpu: Duration) {
    let seconds = cpu.as_secs_f64();
    println!(
        "{name:<34} {:>6.1} MB/CPU-s of OTLP, {:>5.0} ns a record",
        bytes as f64 / seconds / 1e6,
        seconds / records as f64 * 1e9
    );
}

/// Days that are open, and the budget of their rows.
const DAYS: u64 = 50;
const BUDGET: u64 = 256;

/// Prints the memory of a sink whose rows are of many days. Rows are committed when the budget is spent, not before.
pub(crate) fn days() {
    let log = filled(DAYS);
    println!("\n{} MB of OTLP, {DAYS} days open, a budget of {BUDGET} MiB", log.bytes / 1_000_000);
    let budget = format!("lake.memory={BUDGET}MiB");
    let server = log.drained(&["--set", &budget, "--set", "lake.flush.size_mb=4096"]);
    println!(
        "resident {} MiB at most, {:.0} commits of {:.0} files; the bar is {} MiB",
        server.peak() >> 20,
        server.metric("lake_commit_duration_seconds_count").unwrap_or_default(),
        server.metric("lake_files_written_total").unwrap_or_default(),
        BUDGET + 64
    );
}
