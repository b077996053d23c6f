//! Counting: alone beside a plain hash map and DuckDB, and together with the files out of a filled log.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use logmill_model::{Format, Records, Scratch};
use logmill_rollup::{Batch, Families, Summarizer};

use crate::bodies::{self, Bodies};
use crate::limits::rate;
use crate::load::Load;
use crate::server::Server;
use crate::{per_cpu_second, seconds};

/// What a range of a partition adds is packed after so many batches: about what comes in a commit.
const BATCHES_A_RANGE: u32 = 1000;

/// Aggregation alone.
pub(crate) fn print() {
    println!("\ncounting by path, family and minute, one core, the real log's bodies of 1,000 records");
    let real = bodies::real(1000);
    let show = |name: &str, rate: f64| {
        println!("{name:<34} {rate:>9.0} records/CPU-s   {:>5.0} ns a record", 1e9 / rate);
        rate
    };
    show("parsed only", rate(&real, |body| each(body, |_, _, _| ())));
    let ours = show("summarizer", summarize(&real));
    let plain = show("a plain hash map", plain(&real));
    println!("  {:.2} of the plain hash map's rate", ours / plain);
    if let Some(duckdb) = duckdb(&real) {
        show("DuckDB, GROUP BY over NDJSON", duckdb);
        println!("  {:.1} times DuckDB's rate", ours / duckdb);
    }
}

fn summarize(real: &Bodies) -> f64 {
    let mut summarizer = Summarizer::new(Arc::new(Families::load()), 300_000_000, None);
    let mut batches = 0;
    rate(real, |body| {
        let batch =
            Batch { customer: "default", format: Format::Json, body, rejected: &[], received_at: i64::MAX };
        summarizer.add(&batch, |undecoded| panic!("{undecoded:?}"));
        batches += 1;
        if batches % BATCHES_A_RANGE == 0 {
            std::hint::black_box(summarizer.take());
        }
    })
}

fn each(body: &[u8], mut count: impl FnMut(u64, String, String)) {
    let mut scratch = Scratch::default();
    let mut records = Records::new(Format::Json, body);
    while let Some(record) = records.next(&mut scratch) {
        let record = record.expect("valid");
        let path = record.path().unescaped();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let method = record.method().map(|method| method.unescaped().into_owned()).unwrap_or_default();
        count(
            record.timestamp().seconds() / 60,
            format!("{method} {path}"),
            record.user_agent().unescaped().into_owned(),
        );
    }
}

/// The same counts as one would write them down: maps from minute and key to a number, and of families by user agent.
fn plain(real: &Bodies) -> f64 {
    let rules = Families::load();
    let mut families: HashMap<String, String> = HashMap::new();
    let mut paths: HashMap<(u64, String), u64> = HashMap::new();
    let mut agents: HashMap<(u64, String), u64> = HashMap::new();
    rate(real, |body| {
        each(body, |minute, path, agent| {
            let family = families.entry(agent).or_insert_with_key(|agent| rules.of(agent).into_owned());
            *agents.entry((minute, family.clone())).or_default() += 1;
            *paths.entry((minute, path)).or_default() += 1;
        });
    })
}

/// Records a CPU-second of DuckDB, one thread, over a file of NDJSON with the same records a hundred times; none without the
/// Python package.
fn duckdb(real: &Bodies) -> Option<f64> {
    let folder = tempfile::tempdir_in(".").expect("a temporary folder");
    let file = folder.path().join("records.ndjson");
    let mut lines = Vec::new();
    for body in &real.bodies {
        let mut scratch = Scratch::default();
        let mut records = Records::new(Format::Json, body);
        while let Some(record) = records.next(&mut scratch) {
            record.expect("valid").write_line(&mut lines);
        }
    }
    let mut out = std::fs::File::create(&file).expect("a file");
    for _ in 0..100 {
        out.write_all(&lines).expect("written");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/counts/duck.py");
    let said = Command::new("python3").arg(script).arg(&file).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let rate = said.trim().parse().ok();
    if rate.is_none() {
        println!("DuckDB: not measured; pip install duckdb");
    }
    rate
}

/// Files and counts together, out of a log that was filled before.
pub(crate) fn drain() {
    println!("\nhourly files and counts out of a filled log");
    let load = Load::new(&bodies::real(1000), 16);
    for (name, settings) in [
        ("files", &["--set", "aggregation.enabled=false"][..]),
        ("counts", &["--set", "files.enabled=false"]),
        ("files and counts", &[]),
    ] {
        // The group of each sink has to be known while the log is filled, or it begins with what is kept.
        let filling = [&["--roles", "ingest"][..], settings].concat();
        let server = Server::logmill(&filling);
        server.wait_until_ready();
        let answered = load.run(server.address(), seconds());
        let server = server.restarted(settings);
        server.wait_until_ready();
        server.wait_until_drained();
        let cpu = server.cpu();
        let records = answered * load.records_a_body();
        println!(
            "{name:<34} {:>9.0} records/CPU-s   user {:.2} s, system {:.2} s   {records} records, resident {} MiB",
            per_cpu_second(records, cpu.all()),
            cpu.user.as_secs_f64(),
            cpu.system.as_secs_f64(),
            server.peak() >> 20
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
