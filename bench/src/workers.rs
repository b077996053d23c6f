//! Kafka to objects by 1, 2 and 4 workers on 8 partitions: a record must cost the same however many share the work.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::server::{Server, delivered_by_all};
use crate::setup::{Services, spread, start};
use crate::state::number;

const PARTITIONS: u16 = 8;
const WORKERS: [usize; 3] = [1, 2, 4];
/// All that is queued is gathered by then, so that it becomes as many objects whoever writes them.
const INTERVAL: &str = "8s";
/// No limit here: a single worker would otherwise write sooner than four, and smaller objects.
const GATHERED: [&str; 2] = ["--set", "files.object_bytes=1GiB"];

pub(crate) fn print() {
    let (rounds, records) = (number("BENCH_ROUNDS", 7), number("BENCH_RECORDS", 4_000_000));
    let services = Services::start();
    let records = services.fill("workers", PARTITIONS, records);
    println!(
        "\nKafka to objects, {PARTITIONS} partitions, {records} records of 205 bytes; all workers on one core"
    );
    let mut costs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for round in 0..rounds as usize {
        for turn in 0..WORKERS.len() {
            let workers = WORKERS[(round + turn) % WORKERS.len()];
            costs.entry(workers).or_default().push(drain(&services, round, workers, records));
        }
    }
    for workers in WORKERS {
        let (median, least, most) = spread(costs[&workers].clone());
        println!(
            "{workers} workers: {median:.0} ns user CPU a record (median of {rounds}, {least:.0} to {most:.0})"
        );
    }
    for workers in &WORKERS[1..] {
        let ratios = costs[workers].iter().zip(&costs[&1]).map(|(many, one)| many / one).collect();
        let (median, least, most) = spread(ratios);
        println!(
            "  {median:.2} of one worker's with {workers} (median of {rounds}, {least:.2} to {most:.2})"
        );
    }
}

/// Lets new workers read all from the beginning; answers what a record cost them together in the program, in nanoseconds.
fn drain(services: &Services, round: usize, workers: usize, records: u64) -> f64 {
    let mut settings = services.worker("workers", &format!("r{round}-{workers}"), PARTITIONS, INTERVAL);
    settings.extend(GATHERED.map(str::to_owned));
    let running: Vec<Server> = (0..workers).map(|_| start(&settings)).collect();
    let user = || running.iter().map(|worker| worker.cpu().user).sum::<Duration>();
    for worker in &running {
        worker.wait_until_ready();
    }
    // The brokers let the group's first members wait for the others: nothing was read yet.
    let before = user();
    let mut last = BTreeMap::new();
    for _ in 0..1200 {
        last = delivered_by_all(&running);
        if last.values().sum::<u64>() >= records {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(last.values().sum::<u64>(), records, "{workers} workers: not all records arrived");
    let paid = user() - before;
    let cost = paid.as_nanos() as f64 / records as f64;
    let all: Duration = running.iter().map(|worker| worker.cpu().all()).sum();
    println!(
        "round {round}, {workers} workers: {cost:.0} ns user CPU a record ({:.2} s, {:.2} s with the system and the start)",
        paid.as_secs_f64(),
        all.as_secs_f64()
    );
    cost
}
