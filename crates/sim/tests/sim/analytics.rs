//! Counts over crashes: the machine goes down at random operations of its disk, its disk is full for a while or fails to sync, its
//! clock jumps. In the end each window holds what was acknowledged, once, and no window changed behind its revision.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use logmill_analytics::{Analytics, AnalyticsConfig, By, Question, Refused, Width, Window, Windows};
use logmill_model::{Customer, Format};
use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkStatus, Turns, run};
use logmill_queue::embedded::EmbeddedQueue;
use logmill_queue::{Append, Encoding, Group, Header, Queue, Route, Topic};
use logmill_world::sim::{Disk, Image, SimClock, world};
use logmill_world::{Clock, World};
use tokio::sync::watch;

use crate::objects::log_config;

const SEEDS: u64 = 12;
const LIVES: u32 = 5;
const HOUR: Duration = Duration::from_secs(3600);
/// 2025-12-28T12:00:00Z: records lie in the eight hours from here on, the simulation begins at 18:00.
const FIRST: u64 = 1_766_923_200;
const CUSTOMERS: [&str; 2] = ["default", "acme"];

/// Records by customer, minute since 1970, and path.
type Counts = BTreeMap<(&'static str, u64, String), u64>;

#[derive(Default)]
struct Sent {
    /// What was acknowledged.
    sure: Counts,
    /// All that was sent: a request may be cut off by a crash and its batch stored all the same.
    all: Counts,
}

/// What outlives the process.
struct Machine {
    rng: fastrand::Rng,
    disk: Disk,
    sent: Arc<Mutex<Sent>>,
    /// The last that was seen of final windows: total and revision.
    seen: BTreeMap<(&'static str, u64), (u64, u64)>,
    next: u64,
}

/// The parts of one life.
struct Life {
    clock: Arc<SimClock>,
    queue: Arc<EmbeddedQueue>,
    windows: Arc<dyn Windows>,
}

fn topic() -> Topic {
    Topic::new("web").unwrap()
}

fn group() -> Group {
    Group::new("logmill-analytics").unwrap()
}

impl Machine {
    fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let disk = Disk::new(&Image::default());
        Self { rng, disk, sent: Arc::default(), seen: BTreeMap::new(), next: 0 }
    }

    fn analytics(&mut self, world: &World, queue: &Arc<EmbeddedQueue>) -> Analytics {
        let config = AnalyticsConfig {
            dir: Path::new("/data").to_path_buf(),
            topic: topic(),
            late: Topic::new("late").unwrap(),
            default_customer: "default".to_owned(),
            interval: Duration::from_secs(self.rng.u64(1..10)),
            allowed_lateness: Duration::from_secs(60 * self.rng.u64(0..10)),
            max_keys: 100,
        };
        Analytics::new(world.clone(), queue.clone(), config)
    }

    /// One life; the last one goes on until everything is counted.
    fn live(&mut self, is_last: bool) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let clock = SimClock::start();
            let world = world(self.rng.u64(..), clock.clone(), &self.disk);
            let lock = Path::new("/data/LOCK").to_path_buf();
            let queue =
                EmbeddedQueue::start(&world, lock, log_config("main", 2), log_config("side", 1)).unwrap();
            let analytics = self.analytics(&world, &queue);
            let (drain, draining) = watch::channel(false);
            let letters = DeadLetters::new(world.clone(), queue.clone(), &topic(), &group(), "analytics");
            let spec = SinkSpec {
                group: group(),
                topic: topic(),
                sink: analytics.sink(),
                letters: letters.unwrap(),
                flush_interval: Duration::from_millis(self.rng.u64(20..2000)),
                attempts: 5,
                shutdown_timeout: Duration::from_secs(30),
                budget: 1 << 20,
                turns: Turns::default(),
            };
            let status = Arc::new(SinkStatus::default());
            let runner = run(world.clone(), queue.clone(), spec, status.clone(), Drain(draining.clone()));
            let runner = tokio::spawn(runner);
            let keeper = tokio::spawn(analytics.keep(draining));
            let life = Life { clock, queue, windows: analytics.windows() };
            if !is_last {
                self.trouble();
            }
            self.write(&life).await;
            if is_last {
                self.disk.set_capacity(None);
                let arrived = tokio::time::timeout(HOUR, life.drained()).await;
                assert!(arrived.is_ok(), "the sink does not arrive: {:?}", status.get());
                self.look(&life);
                self.judge(&*life.windows);
                drain.send_replace(true);
                runner.await.unwrap();
                keeper.await.unwrap();
            }
        });
        drop(runtime);
        // As `kill -9` or a power cut leaves it.
        let image = if self.rng.bool() { self.disk.killed() } else { self.disk.power_cut(self.rng.u64(..)) };
        self.disk = Disk::new(&image);
    }

    /// What goes wrong in a life.
    fn trouble(&mut self) {
        self.disk.crash_after(self.rng.u64(50..3000));
        if self.rng.u8(0..3) == 0 {
            self.disk.fail_sync(self.rng.u64(0..40));
        }
        if self.rng.u8(0..3) == 0 {
            self.disk.set_capacity(Some(self.rng.u64(1 << 20..8 << 20)));
        }
    }

    async fn write(&mut self, life: &Life) {
        for _ in 0..self.rng.u32(20..60) {
            let (append, counts) = self.batch(&*life.clock);
            let (queue, sent) = (life.queue.clone(), self.sent.clone());
            add(&mut sent.lock().unwrap().all, &counts);
            tokio::spawn(async move {
                if queue.append(append).await.is_ok() {
                    add(&mut sent.lock().unwrap().sure, &counts);
                }
            });
            life.clock.sleep(Duration::from_millis(self.rng.u64(0..500))).await;
            match self.rng.u8(0..20) {
                0 => life.clock.jump(self.rng.i64(-600_000_000..600_000_000)),
                1 => self.disk.set_capacity(None),
                2..6 => self.look(life),
                _ => {}
            }
        }
    }

    fn batch(&mut self, clock: &dyn Clock) -> (Append, Counts) {
        let n = self.next;
        self.next += 1;
        let customer = CUSTOMERS[self.rng.usize(0..2)];
        // Most batches follow the hours, some come from anywhere.
        let base = if self.rng.u8(0..4) == 0 { self.rng.u64(0..8 * 3600) } else { n * 60 % (8 * 3600) };
        let (mut counts, mut records) = (Counts::new(), Vec::new());
        for _ in 0..self.rng.u32(1..5) {
            let second = FIRST + base + self.rng.u64(0..300);
            let path = format!("/{}", self.rng.u8(0..4));
            let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
            let time = format!("2025-12-28T{hour:02}:{minute:02}:{:02}Z", second % 60);
            records.push(format!(r#"{{"timestamp":"{time}","path":"{path}","userAgent":"curl/8"}}"#));
            *counts.entry((customer, second / 60, path)).or_default() += 1;
        }
        let mut header = Header::new(Encoding(Format::Json.code()), records.len() as u32, clock.wall());
        header.customer = customer.to_owned();
        let payload = Bytes::from(format!("[{}]", records.join(",")));
        (Append { topic: topic(), route: Route::Hash(n), header, payload }, counts)
    }

    /// What was final changes only with its revision.
    fn look(&mut self, life: &Life) {
        for customer in CUSTOMERS {
            for window in life.minutes(customer).unwrap_or_default() {
                let place = (customer, window.start / 60);
                let now = (window.total, window.revision);
                if let Some(before) = self.seen.get(&place) {
                    assert!(window.is_final, "{place:?} was final");
                    assert!(
                        now == *before || (now.0 > before.0 && now.1 > before.1),
                        "{place:?}: {before:?}, {now:?}"
                    );
                }
                if window.is_final {
                    self.seen.insert(place, now);
                }
            }
        }
    }

    /// Each window holds what was acknowledged, and nothing that was not sent.
    fn judge(&self, windows: &dyn Windows) {
        let mut found = Counts::new();
        for customer in CUSTOMERS {
            for window in minutes(windows, customer).unwrap() {
                assert_eq!(window.counts.iter().map(|(_, n)| n).sum::<u64>(), window.total);
                for (path, n) in window.counts {
                    found.insert((customer, window.start / 60, path), n);
                }
            }
        }
        let sent = self.sent.lock().unwrap();
        for (key, n) in &sent.sure {
            assert!(
                found.get(key).is_some_and(|there| there >= n),
                "{key:?}: {n} were acknowledged, {:?} are there",
                found.get(key)
            );
        }
        for (key, n) in &found {
            assert!(
                sent.all.get(key).is_some_and(|all| n <= all),
                "{key:?}: {n} are there, {:?} were sent",
                sent.all.get(key)
            );
        }
    }
}

fn add(sum: &mut Counts, more: &Counts) {
    for (key, n) in more {
        *sum.entry(key.clone()).or_default() += n;
    }
}

impl Life {
    async fn drained(&self) {
        while self.queue.depth(&topic(), &group()).await.map_or(1, |depth| depth.frames) > 0 {
            self.clock.sleep(Duration::from_millis(100)).await;
        }
    }

    fn minutes(&self, customer: &str) -> Result<Vec<Window>, Refused> {
        minutes(&*self.windows, customer)
    }
}

fn minutes(windows: &dyn Windows, customer: &str) -> Result<Vec<Window>, Refused> {
    let customer = Customer::parse(customer).unwrap();
    let (from, to) = (FIRST, FIRST + 9 * 3600);
    let question = Question { customer, from, to, width: Width::Minute, by: By::Path, limit: 100 };
    windows.answer(&question).map(|answer| answer.windows)
}

#[test]
fn each_record_is_counted_once_whatever_crashes() {
    let more = std::env::var("LOGMILL_SIM_RUNS").ok().and_then(|runs| runs.parse().ok());
    for seed in 0..more.unwrap_or(SEEDS) {
        let mut machine = Machine::new(seed);
        eprintln!("seed {seed}");
        for life in 1..=LIVES {
            machine.live(life == LIVES);
        }
        assert!(!machine.sent.lock().unwrap().sure.is_empty(), "seed {seed}: nothing was acknowledged");
    }
}
