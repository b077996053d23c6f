//! Frames with keys at several doors, while doors and brokers come and go: each key counts once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{AppendError, Appended, Key, Partition, Queue};
use logmill_queue_kafka::{KafkaQueue, KeyIndex};
use logmill_world::World;
use tokio::task::JoinSet;

use crate::cluster::{self, Cluster, PARTITIONS};
use crate::frames;
use crate::run::Run;

const DOORS: usize = 3;
const WRITERS: u64 = 6;
const HORIZON: Duration = Duration::from_hours(24);
/// One key in so many is an old one again.
const AGAIN: usize = 3;
/// Of the keys of before, so many may come again.
const RECENT: u64 = 40;
/// One body in so many is another one than the key's first.
const OTHER: usize = 8;
const PAUSE: Duration = Duration::from_millis(20);
const REFUSED: Duration = Duration::from_millis(300);
/// An append is answered after 12 s at most: 10 by the brokers, 2 for the verdict.
const ANSWERS: Duration = Duration::from_secs(30);
/// Doors change after milliseconds.
const CHANGES: (u64, u64) = (2_000, 5_000);
/// What is staged is decided within this time once nothing fails any more.
const DECIDED: Duration = Duration::from_secs(120);

/// The number of a frame tells its key and its body.
const BODIES: u64 = 8;

fn key_of(number: u64) -> Key {
    let spread = |n: u64| u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Key { hash: spread(number / BODIES).to_be_bytes(), digest: spread(number).to_be_bytes() }
}

/// A process that takes frames.
struct Door {
    queue: Arc<KafkaQueue>,
    index: KeyIndex,
}

/// An answer and what it was the answer to.
type Told = (u64, Result<Appended, AppendError>);

struct Doors {
    run: Arc<Run>,
    cluster: Arc<Cluster>,
    folder: PathBuf,
    open: Mutex<Vec<Door>>,
    keys: AtomicU64,
    stop: AtomicBool,
    told: Mutex<Vec<Told>>,
}

impl Doors {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<Door>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) {
        let queue = self.cluster.queue();
        let (dir, topic) = (self.folder.clone(), frames::topic("keys"));
        let index = KeyIndex::join(&World::real(), queue.clone(), &topic, dir, HORIZON).unwrap();
        self.open().push(Door { queue, index });
    }

    fn queue(&self, which: usize) -> Arc<KafkaQueue> {
        let open = self.open();
        open[which % open.len()].queue.clone()
    }

    /// Another door takes the place of one, which leaves in order or is dropped where it stands.
    async fn change(&self, which: usize, in_order: bool) {
        self.add();
        let door = {
            let mut open = self.open();
            let last = open.len() - 1;
            open.swap_remove(which % last)
        };
        if in_order {
            door.index.close().await;
        }
    }

    async fn write(self: Arc<Self>, writer: u64) {
        let mut rng = self.run.choices(200 + writer);
        while !self.stop.load(Ordering::Relaxed) {
            let newest = self.keys.load(Ordering::Relaxed);
            let key = if rng.usize(..AGAIN) == 0 && newest > 0 {
                rng.u64(newest.saturating_sub(RECENT)..newest)
            } else {
                self.keys.fetch_add(1, Ordering::Relaxed)
            };
            let body = if rng.usize(..OTHER) == 0 { rng.u64(1..BODIES) } else { 0 };
            let good = self.append(key * BODIES + body, rng.usize(..)).await;
            tokio::time::sleep(if good { PAUSE } else { REFUSED }).await;
        }
    }

    async fn append(&self, number: u64, door: usize) -> bool {
        let mut append = frames::numbered(&self.run, &frames::topic("keys"), Partition(0), number);
        append.header.key = Some(key_of(number));
        append.header.received_at = World::real().clock().wall();
        let queue = self.queue(door);
        let answer = self.run.within(ANSWERS, "an append is answered", queue.append(append)).await;
        let good = answer.is_ok();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push((number, answer));
        good
    }

    /// Waits until the group of those who decide has decided everything.
    async fn settle(&self) {
        let (queue, staged) = (self.queue(0), frames::topic("keys.keyed"));
        let group = logmill_queue::Group::new("keys.keyed").unwrap();
        let decided = async {
            loop {
                let lags = queue.lags(&staged, &group).await;
                if lags.is_ok_and(|lags| lags.iter().all(|(_, lag)| *lag == 0)) {
                    return;
                }
                tokio::time::sleep(REFUSED).await;
            }
        };
        self.run.within(DECIDED, "all keys are decided", decided).await;
    }
}

/// What there is: the numbers of each topic, in the order of each partition.
async fn numbers(run: &Run, queue: &KafkaQueue, topic: &str) -> Vec<Vec<u64>> {
    let mut found = Vec::new();
    for partition in frames::partitions() {
        let frames = frames::read(run, queue, &frames::topic(topic), partition).await;
        found.push(frames.into_iter().map(|(_, number)| number).collect());
    }
    found
}

/// What follows from the order of the staged frames: first copies of each partition, and how often a number is a conflict.
fn expected(staged: &[Vec<u64>]) -> (Vec<Vec<u64>>, BTreeMap<u64, usize>) {
    let mut conflicts = BTreeMap::new();
    let mut of_partition = |numbers: &Vec<u64>| {
        let mut first = HashMap::new();
        let mut copies = Vec::new();
        for &number in numbers {
            let seen = *first.entry(number / BODIES).or_insert(number);
            if seen != number {
                *conflicts.entry(number).or_default() += 1;
            } else if !copies.contains(&number) {
                copies.push(number);
            }
        }
        copies
    };
    let copies = staged.iter().map(&mut of_partition).collect();
    (copies, conflicts)
}

/// What the senders were told has to fit to what is stored.
fn judge(run: &Run, told: &[Told], stored: &BTreeMap<u64, u64>) {
    let mut new = BTreeSet::new();
    for (number, answer) in told {
        let (key, first) = (number / BODIES, stored.get(&(number / BODIES)));
        let is_first = first == Some(number);
        let good = match answer {
            Ok(Appended::New(_)) => is_first && new.insert(key),
            Ok(Appended::Duplicate { .. }) => is_first,
            Ok(Appended::Conflict) => first.is_some() && !is_first,
            Ok(Appended::Undecided(_)) => first.is_some(),
            Err(_) => true,
        };
        run.expect(good, || format!("number {number} was told {answer:?}, stored is {first:?}"));
    }
}

/// The run.
pub(crate) async fn run(run: Arc<Run>, cluster: Arc<Cluster>) {
    let folder = tempfile::tempdir().unwrap();
    let doors = Arc::new(Doors {
        run: run.clone(),
        cluster: cluster.clone(),
        folder: folder.path().to_owned(),
        open: Mutex::default(),
        keys: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        told: Mutex::default(),
    });
    (0..DOORS).for_each(|_| doors.add());
    let mut writers = JoinSet::new();
    (0..WRITERS).for_each(|writer| drop(writers.spawn(doors.clone().write(writer))));
    let mut choices = run.choices(5);
    for fault in cluster::faults(&run) {
        run.next_round();
        let changes = async {
            loop {
                tokio::time::sleep(Duration::from_millis(choices.u64(CHANGES.0..=CHANGES.1))).await;
                let (which, in_order) = (choices.usize(..), choices.bool());
                run.say(format!("a door {}", if in_order { "leaves" } else { "is dropped" }));
                doors.change(which, in_order).await;
            }
        };
        tokio::select! {
            () = changes => {}
            () = cluster.strike(&run, fault) => {}
        }
    }
    doors.stop.store(true, Ordering::Relaxed);
    writers.join_all().await;
    doors.settle().await;

    // Another handle: what those at work know must not help.
    let queue = cluster.queue();
    let staged = numbers(&run, &queue, "keys.keyed").await;
    let found = numbers(&run, &queue, "keys").await;
    let (copies, conflicts) = expected(&staged);
    let sorted = |numbers: &[Vec<u64>]| {
        let mut all = numbers.concat();
        all.sort_unstable();
        all
    };
    run.expect(sorted(&found) == sorted(&copies), || {
        format!("stored are {} first copies, expected {}", found.concat().len(), copies.concat().len())
    });
    let mut letters: BTreeMap<u64, usize> = BTreeMap::new();
    for number in numbers(&run, &queue, "keys.dlq").await.concat() {
        *letters.entry(number).or_default() += 1;
    }
    run.expect(letters == conflicts, || {
        format!("{} numbers are dead letters, {} are conflicts", letters.len(), conflicts.len())
    });
    let stored: BTreeMap<u64, u64> = found.concat().into_iter().map(|n| (n / BODIES, n)).collect();
    run.expect(stored.len() == found.concat().len(), || "a key is stored twice".to_owned());
    let told = doors.told.lock().unwrap_or_else(PoisonError::into_inner);
    judge(&run, &told, &stored);
    let count = |is: fn(&Result<Appended, AppendError>) -> bool| told.iter().filter(|(_, a)| is(a)).count();
    run.finish(&format!(
        "{} appends to {PARTITIONS} partitions: {} new, {} repeated, {} conflicts, {} undecided, {} unknown or refused; {} staged, \
         {} stored",
        told.len(),
        count(|a| matches!(a, Ok(Appended::New(_)))),
        count(|a| matches!(a, Ok(Appended::Duplicate { .. }))),
        count(|a| matches!(a, Ok(Appended::Conflict))),
        count(|a| matches!(a, Ok(Appended::Undecided(_)))),
        count(Result::is_err),
        staged.concat().len(),
        stored.len()
    ));
}
