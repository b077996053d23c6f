//! `logmill generate`: load that can be checked record by record.
// A load generator lives in real time on the real network, beside the simulation.
#![allow(clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use logmill_model::Timestamp;
use logmill_world::World;
use serde_json::json;

use crate::cli::GenerateArgs;
use crate::exit::{Failure, IO, UNAVAILABLE};

/// A batch whose answer never comes is given up after so many tries, a second apart.
const TRIES: u32 = 60;
const PATHS: [&str; 8] = [
    "/",
    "/search?q=logs",
    "/cart",
    "/api/v1/items",
    "/assets/app.js",
    "/login",
    "/files/report.pdf",
    "/ü/ñ",
];
const AGENTS: [&str; 5] =
    ["Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "curl/8.5.0", "Googlebot/2.1", "", "a \"b\" \\"];

/// What marks the records of one run: nobody else's records are compared.
pub(crate) fn run_id(seed: u64, began: i64) -> String {
    format!("{seed:x}-{began:x}")
}

/// The checksum in a record: of everything else that the generator put into it.
pub(crate) fn checksum(
    run: &str,
    sequence: u64,
    customer: &str,
    time: &str,
    path: &str,
    agent: &str,
) -> String {
    let text = format!("{run}\n{sequence}\n{customer}\n{time}\n{path}\n{agent}");
    format!("{:016x}", fnv(text.as_bytes()))
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

struct Run<'a> {
    args: &'a GenerateArgs,
    id: String,
    began: u64,
    start: Instant,
    next: AtomicU64,
    stored: AtomicU64,
    receipts: Mutex<BufWriter<File>>,
    progress: ProgressBar,
    agent: ureq::Agent,
}

/// Generates and posts.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let began = World::real().clock().wall();
    let receipts = File::create(&args.receipts).map_err(|error| {
        Failure::new(IO, format!("--receipts: cannot write {}: {error}", args.receipts.display()))
    })?;
    let run = Run {
        args,
        id: run_id(args.seed, began),
        began: began.max(0).cast_unsigned() / 1_000_000,
        start: Instant::now(),
        next: AtomicU64::new(0),
        stored: AtomicU64::new(0),
        receipts: Mutex::new(BufWriter::new(receipts)),
        progress: progress(args.records),
        agent: ureq::Agent::config_builder().http_status_as_error(false).build().into(),
    };
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.connections).map(|_| scope.spawn(|| run.work())).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()?.err()).next()
    });
    run.progress.finish_and_clear();
    run.receipts.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
    if let Some(failure) = failed {
        return Err(failure.into());
    }
    let stored = run.stored.load(Ordering::Relaxed);
    println!("{stored} records were stored in {:.1} s; run {}", run.start.elapsed().as_secs_f64(), run.id);
    Ok(())
}

fn progress(records: u64) -> ProgressBar {
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(records);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

impl Run<'_> {
    /// Takes batches until none is left.
    fn work(&self) -> Result<(), Failure> {
        loop {
            let from = self.next.fetch_add(self.args.batch, Ordering::Relaxed);
            if from >= self.args.records {
                return Ok(());
            }
            let to = (from + self.args.batch).min(self.args.records);
            self.keep_pace(from);
            let number = from / self.args.batch % self.args.customers.max(1);
            let customer = if number == 0 { "default".to_owned() } else { format!("customer-{number}") };
            let body = self.batch(from, to, &customer);
            self.post(from, to, &customer, &body)?;
            self.progress.inc(to - from);
        }
    }

    fn keep_pace(&self, sent: u64) {
        if let Some(due) = (sent * 1000).checked_div(self.args.rate) {
            std::thread::sleep(Duration::from_millis(due).saturating_sub(self.start.elapsed()));
        }
    }

    fn batch(&self, from: u64, to: u64, customer: &str) -> String {
        let mut body = String::from("[");
        for sequence in from..to {
            let mut rng =
                fastrand::Rng::with_seed(self.args.seed ^ sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            // Most records are of now, some of the hours before.
            let back = if rng.u8(..) < 240 { rng.u64(0..60) } else { rng.u64(0..7200) };
            let time = self.time(back, rng.u32(0..1000));
            let (path, agent) = (pick(&PATHS, &mut rng), pick(&AGENTS, &mut rng));
            let record = json!({
                "timestamp": time, "method": "GET", "path": path, "userAgent": agent, "run": self.id,
                "sequence": sequence, "checksum": checksum(&self.id, sequence, customer, &time, path, agent),
            });
            // Writing to a string does not fail.
            let _ = write!(body, "{}{record}", if sequence == from { "" } else { "," });
        }
        body.push(']');
        body
    }

    fn time(&self, back: u64, millis: u32) -> String {
        let mut text = Vec::new();
        if let Some(time) = Timestamp::new(self.began.saturating_sub(back), millis * 1_000_000) {
            time.write(3, &mut text);
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Posts until there is an answer that is final; a repetition has the same key.
    fn post(&self, from: u64, to: u64, customer: &str, body: &str) -> Result<(), Failure> {
        let key = format!("{}-{from}", self.id);
        let url = format!("{}/logs", self.args.url.trim_end_matches('/'));
        let mut last = String::new();
        for _ in 0..TRIES {
            let sent = self
                .agent
                .post(&url)
                .header("content-type", "application/json")
                .header("x-customer-id", customer)
                .header("idempotency-key", &key)
                .send(body);
            match sent {
                Ok(answer) if answer.status().is_success() => return self.receipt(from, to, customer),
                Ok(answer) if !matches!(answer.status().as_u16(), 408 | 409 | 429 | 503) => {
                    return Err(Failure::new(
                        IO,
                        format!("{url} answered {}: the batch was refused", answer.status()),
                    ));
                }
                Ok(answer) => last = answer.status().to_string(),
                Err(error) => last = error.to_string(),
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Err(Failure::new(UNAVAILABLE, format!("{url} took no batch for {TRIES} s: {last}")))
    }

    fn receipt(&self, from: u64, to: u64, customer: &str) -> Result<(), Failure> {
        self.stored.fetch_add(to - from, Ordering::Relaxed);
        let line = json!({ "run": self.id, "from": from, "to": to, "customer": customer });
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(receipts, "{line}").map_err(|error| Failure::new(IO, format!("--receipts: {error}")))
    }
}

fn pick<'a>(choices: &[&'a str], rng: &mut fastrand::Rng) -> &'a str {
    choices.get(rng.usize(0..choices.len())).copied().unwrap_or_default()
}
