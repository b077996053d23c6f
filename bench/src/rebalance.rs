//! How long work stands still when one of two workers is killed, is stopped, and comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bodies;
use crate::load::{Load, Moments};
use crate::server::{Server, delivered_by_all};
use crate::setup::{DOOR, Services, arguments, on_kafka, spread, start};
use crate::state::number;

const NAME: &str = "rebalance";
const PARTITIONS: u16 = 8;
/// What is gathered is written this often: nothing is delivered more often than that.
const INTERVAL: &str = "1s";
const LOOK: Duration = Duration::from_millis(50);
/// All partitions have been delivered of at least this often before a situation counts as over.
const AGAIN: usize = 3;
/// Pause of each connection before its next batch: the workers keep up with four of them.
const PACE: Duration = Duration::from_millis(10);

/// What was seen of one partition.
#[derive(Clone, Copy)]
struct Seen {
    delivered: u64,
    last: Instant,
    longest: Duration,
    times: usize,
}

/// What the owners of the partitions have delivered, and when.
struct Watch(BTreeMap<u64, Seen>);

impl Watch {
    fn new() -> Self {
        let seen = Seen { delivered: 0, last: Instant::now(), longest: Duration::ZERO, times: 0 };
        Self((0..PARTITIONS.into()).map(|partition| (partition, seen)).collect())
    }

    /// Pauses count from now on; one that has begun before does so with all of it.
    fn begin(&mut self) {
        self.again();
        self.0.values_mut().for_each(|seen| seen.longest = Duration::ZERO);
    }

    /// Each partition has to be delivered of again.
    fn again(&mut self) {
        self.0.values_mut().for_each(|seen| seen.times = 0);
    }

    /// Looks until each partition was delivered of some times.
    fn until_all_go_on(&mut self, workers: &[&Server]) {
        let limit = Instant::now() + Duration::from_secs(120);
        while self.0.values().any(|seen| seen.times < AGAIN) {
            assert!(Instant::now() < limit, "a partition is not delivered of within two minutes");
            for (partition, delivered) in delivered_by_all(workers.iter().copied()) {
                self.0.get_mut(&partition).expect("one of the topic's").is_at(delivered);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The longest pause of these partitions in seconds.
    fn longest(&self, partitions: &[u64]) -> f64 {
        let longest = partitions.iter().map(|partition| self.0[partition].longest).max();
        longest.unwrap_or_default().as_secs_f64()
    }
}

impl Seen {
    fn is_at(&mut self, delivered: u64) {
        if delivered > self.delivered {
            let now = Instant::now();
            self.longest = self.longest.max(now - self.last);
            (self.delivered, self.last, self.times) = (delivered, now, self.times + 1);
        }
    }
}

/// Pauses of one situation in seconds: at the door, of the partitions that change hands, of the others.
#[derive(Default)]
struct Pauses(Vec<f64>, Vec<f64>, Vec<f64>);

impl Pauses {
    fn print(self, name: &str) {
        let part = |what: &str, values: Vec<f64>| {
            if values.is_empty() {
                return String::new();
            }
            let (median, least, most) = spread(values);
            format!("   {what} {median:.2} s ({least:.2} to {most:.2})")
        };
        let (door, moved, others) =
            (part("door", self.0), part("changing hands", self.1), part("others", self.2));
        println!("{name:<18}{door}{moved}{others}");
    }
}

/// What was seen of each situation.
struct Run<'a> {
    acks: &'a Moments,
    watch: Watch,
    pauses: BTreeMap<&'static str, Pauses>,
}

impl Run<'_> {
    /// Notes the pauses since then.
    fn note(&mut self, name: &'static str, began: Instant, moved: &[u64]) {
        let others: Vec<u64> = (0..PARTITIONS.into()).filter(|n| !moved.contains(n)).collect();
        let pauses = self.pauses.entry(name).or_default();
        pauses.0.push(self.acks.longest_since(began).as_secs_f64());
        if !moved.is_empty() {
            pauses.1.push(self.watch.longest(moved));
        }
        pauses.2.push(self.watch.longest(&others));
    }

    /// Nothing happens; answers the partitions of the first one.
    fn calm(&mut self, workers: [&Server; 2]) -> Vec<u64> {
        let (began, before) = (Instant::now(), workers[0].delivered_by_partition());
        self.watch.begin();
        self.watch.until_all_go_on(&workers);
        self.note("nothing happens", began, &[]);
        let now = workers[0].delivered_by_partition();
        now.into_iter()
            .filter(|(n, now)| before.get(n).is_some_and(|was| was < now))
            .map(|(n, _)| n)
            .collect()
    }

    /// One ends by this means.
    fn ends(&mut self, name: &'static str, mut one: Server, end: fn(&mut Server), other: &Server) {
        let moved = self.calm([&one, other]);
        let began = Instant::now();
        self.watch.begin();
        end(&mut one);
        println!(
            "{name}: had {} partitions, ended after {:.2} s",
            moved.len(),
            began.elapsed().as_secs_f64()
        );
        self.watch.until_all_go_on(&[other]);
        self.note(name, began, &moved);
    }

    /// Another one comes.
    fn joins(&mut self, settings: &[String], other: &Server) -> Server {
        let began = Instant::now();
        self.watch.begin();
        let new = start(settings);
        while new.delivered_by_partition().is_empty() {
            self.watch.again();
            self.watch.until_all_go_on(&[other, &new]);
        }
        println!("another joins: has partitions after {:.2} s", began.elapsed().as_secs_f64());
        self.watch.again();
        self.watch.until_all_go_on(&[other, &new]);
        self.note("another joins", began, &[]);
        new
    }
}

pub(crate) fn print() {
    let rounds = number("BENCH_ROUNDS", 3);
    println!(
        "\ntwo workers on {PARTITIONS} partitions, objects every {INTERVAL}: longest pause, {rounds} rounds"
    );
    let services = Services::start();
    let settings = on_kafka(&services.kafka.brokers(), NAME, PARTITIONS);
    let door = Server::logmill(&arguments(&DOOR, &settings));
    door.wait_until_ready();
    let worker = services.worker(NAME, NAME, PARTITIONS, INTERVAL);
    let (load, stop, acks) = (Load::new(&bodies::real(100), 4), AtomicBool::new(false), Moments::default());
    std::thread::scope(|scope| {
        scope.spawn(|| load.pace(door.address(), PACE, &stop, &acks));
        let mut run = Run { acks: &acks, watch: Watch::new(), pauses: BTreeMap::new() };
        let (mut one, mut two) = (start(&worker), start(&worker));
        while one.delivered_by_partition().is_empty() || two.delivered_by_partition().is_empty() {
            std::thread::sleep(LOOK);
        }
        run.watch.until_all_go_on(&[&one, &two]);
        for _ in 0..rounds {
            run.ends("kill -9", one, Server::kill, &two);
            one = run.joins(&worker, &two);
            run.ends("SIGTERM", one, Server::stop, &two);
            one = run.joins(&worker, &two);
            std::mem::swap(&mut one, &mut two);
        }
        stop.store(true, Ordering::Relaxed);
        run.pauses.into_iter().for_each(|(name, pauses)| pauses.print(name));
    });
}
