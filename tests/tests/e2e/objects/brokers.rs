//! Three brokers, two of which must have each batch (`min.insync.replicas`): killed, frozen and thawed by a seed.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::crash::{Acks, Client};
use logmill_e2e::{Server, Setup, eventually};
use logmill_testkit::services::kafka::{Kafka, QUICK};
use logmill_testkit::services::proxy::FaultyProxy;

use super::PATIENCE;
use super::lake::Lake;
use crate::kafka::{CLIENTS, acknowledged, is_refused, unready};
use crate::samples::number;

const ROUNDS: usize = 3;
/// Milliseconds that a broker is away: from a hiccup to longer than its session of 3 s.
const AWAY: Range<u64> = 500..6_000;
/// Once in a while it is away for longer than the answer of an append, a member's session and a transaction may take.
const LONG: Range<u64> = 11_000..13_000;
/// Milliseconds until the next one: mostly the broker is among the replicas again, now and then it is not.
const QUIET: Range<u64> = 1_000..4_000;

/// Clients that begin when two brokers are away. Each partition of the one that is left gets something from them.
const LATE: u32 = 12;
/// Who was away leads its partitions again soon, so that whichever broker is left alone at last leads some: a client that
/// asks for too few replicas would be answered.
const LEADERS: (&str, &str) = ("leader.imbalance.check.interval.seconds", "1");

/// How a broker goes away.
#[derive(Clone, Copy, Debug)]
enum Way {
    Killed,
    Frozen,
}

/// A broker that goes away and comes back, and the worker that is killed meanwhile.
#[derive(Clone, Copy, Debug)]
struct Fault {
    node: u8,
    way: Way,
    away: Duration,
    quiet: Duration,
    worker: Option<usize>,
}

impl Way {
    fn take(self, kafka: &Kafka, node: u8) {
        match self {
            Self::Killed => kafka.kill(node),
            Self::Frozen => kafka.freeze(node),
        }
    }

    fn give_back(self, kafka: &Kafka, node: u8) {
        match self {
            Self::Killed => kafka.restart(node),
            Self::Frozen => kafka.thaw(node),
        }
    }
}

/// The schedule: both ways of going away take turns, and a worker is killed in one round of three. Answers how the two go.
fn faults(rng: &mut Rng, rounds: usize) -> (Vec<Fault>, Way) {
    let (first, killed) = (rng.usize(..2), rng.usize(..3));
    let way = |round| if round % 2 == first { Way::Killed } else { Way::Frozen };
    let fault = |round| {
        let mut millis = |range| Duration::from_millis(rng.u64(range));
        let (away, long, quiet) = (millis(AWAY), millis(LONG), millis(QUIET));
        let away = if rng.u8(..6) == 0 { long } else { away };
        let worker = rng.usize(..2);
        let worker = (round % 3 == killed).then_some(worker);
        Fault { node: rng.u8(1..=3), way: way(round), away, quiet, worker }
    };
    ((0..rounds).map(fault).collect(), way(rounds))
}

/// One broker goes away and comes back.
fn strike(kafka: &Kafka, fault: Fault, workers: &mut [Server; 2], setups: &[Setup; 2]) {
    fault.way.take(kafka, fault.node);
    if let Some(worker) = fault.worker {
        assert!(workers[worker].is_running(), "{}", workers[worker].output());
        workers[worker].kill();
    }
    std::thread::sleep(fault.away);
    if let Some(worker) = fault.worker {
        workers[worker] = setups[worker].start();
    }
    fault.way.give_back(kafka, fault.node);
    std::thread::sleep(fault.quiet);
}

/// How often the clients that began in the dark were told so.
fn told(acks: &Acks, answer: &str) -> usize {
    let notes = std::fs::read_to_string(acks.path()).unwrap();
    let is_late =
        |line: &str| line.split('\t').next().is_some_and(|id| id.parse::<u32>().unwrap() >= CLIENTS);
    notes.lines().filter(|line| is_late(line) && line.ends_with(answer)).count()
}

/// One that was there all the time of the last round.
fn spared(rng: &mut Rng, faults: &[Fault]) -> u8 {
    let last = faults.last().map_or(0, |fault| fault.node);
    let rest: Vec<u8> = (1..=3).filter(|node| *node != last).collect();
    rest[rng.usize(..rest.len())]
}

/// Lets the clients end, also when a test fails: their scope waits for them.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two of three are away: nothing can be durable, and nothing that comes now may be said to be.
fn darken(kafka: &Kafka, door: &Server, acks: &Acks, (way, spared): (Way, u8)) {
    let nodes: Vec<u8> = (1..=3).filter(|node| *node != spared).collect();
    println!("{way:?}: {nodes:?}");
    nodes.iter().for_each(|node| way.take(kafka, *node));
    let (address, stop) = (door.address(), AtomicBool::new(false));
    let reason = std::thread::scope(|scope| {
        let _end = End(&stop);
        for id in CLIENTS..CLIENTS + LATE {
            let (acks, stop) = (acks.clone(), &stop);
            scope.spawn(move || Client::new(0, id, acks).without_keys().work(address, stop));
        }
        let reason = unready(door);
        let answered = || told(acks, "refused") + told(acks, "202") > 0;
        eventually("batches are refused", PATIENCE, || answered().then_some(()));
        is_refused(door, "dark");
        reason
    });
    let [taken, unknown, refused] = ["202", "unknown", "refused"].map(|answer| told(acks, answer));
    println!("{taken} taken, {unknown} unknown, {refused} refused; not ready: {reason}");
    nodes.iter().for_each(|node| way.give_back(kafka, *node));
    assert_eq!(taken, 0, "one broker of three has taken batches");
    assert!(unknown > 0, "no batch was on its way to the brokers");
    assert!(reason.contains("broker"), "it does not say why: {reason}");
    door.wait_ready();
    acknowledged(acks, 20);
}

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn brokers_killed_and_frozen_under_load_cost_no_record() {
    let kafka = Kafka::start(3, &[QUICK, &[LEADERS]].concat());
    let mut lake = Lake::on(kafka.brokers(), "brokers", |store, _| FaultyProxy::calm(store));
    let rounds = number("LOGMILL_TEST_KILLS", ROUNDS);
    let (faults, way) = faults(&mut lake.rng, rounds);
    let spared = spared(&mut lake.rng, &faults);
    let part = |name, roles| lake.part(name, roles).set("queue.kafka.replication=3");
    let setups = ["one", "two"].map(|name| part(name, "files"));
    let mut door = part("door", "ingest").start_ready();
    let mut workers = setups.each_ref().map(Setup::start);
    let acks = lake.load.acks.clone();
    lake.load.during(&mut door, |door| {
        for (round, fault) in faults.into_iter().enumerate() {
            acknowledged(&acks, 20);
            println!("round {round}: {fault:?}, {:?} acknowledged", acks.figures());
            strike(&kafka, fault, &mut workers, &setups);
        }
        darken(&kafka, door, &acks, (way, spared));
    });
    for worker in &mut workers {
        assert!(worker.is_running(), "{}", worker.output());
    }
    lake.end(door, workers.into());
}
