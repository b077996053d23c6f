//! The sink of objects over crashes: the store stays, the machine goes down at random operations of its disk, and each
//! life has other settings. In the end each record that was acknowledged lies in exactly one object, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use logmill_model::Format;
use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkStatus, Turns, run};
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{Append, Encoding, Group, Header, Queue, Route, Topic};
use logmill_sink_files::objects::{Codec, ObjectSink, ObjectsConfig};
use logmill_store::Store;
use logmill_world::Clock;
use logmill_world::sim::{Disk, Image, SimClock, world};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::watch;

const SEEDS: u64 = 40;
const LIVES: u32 = 5;
const HOUR: Duration = Duration::from_secs(3600);

/// What outlives the process.
struct Machine {
    rng: fastrand::Rng,
    disk: Disk,
    store: Arc<InMemory>,
    topic: Topic,
    group: Group,
    next: u64,
    acknowledged: Arc<Mutex<BTreeSet<u64>>>,
}

pub(crate) fn log_config(name: &str, partitions: u16) -> LogConfig {
    LogConfig {
        dir: Path::new("/data/queue").join(name),
        partitions,
        segment_bytes: 1 << 20,
        max_payload: 1 << 18,
        retention_bytes: 1 << 30,
        retention_age: 24 * HOUR,
        reserve_bytes: 0,
        horizon: 24 * HOUR,
        readers: Vec::new(),
    }
}

fn batch(topic: &Topic, n: u64, rng: &mut fastrand::Rng) -> Append {
    let records: Vec<String> = (0..3)
        .map(|i| {
            let hour = rng.u32(10..14);
            format!(r#"{{"timestamp":"2026-01-02T{hour}:00:00Z","path":"/{}","userAgent":"x"}}"#, n * 3 + i)
        })
        .collect();
    let mut header = Header::new(Encoding(Format::Json.code()), 3, 0);
    header.customer = ["default", "acme", "other"][rng.usize(0..3)].to_owned();
    let payload = Bytes::from(format!("[{}]", records.join(",")));
    Append { topic: topic.clone(), route: Route::Hash(n), header, payload }
}

impl Machine {
    fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            disk: Disk::new(&Image::default()),
            store: Arc::new(InMemory::new()),
            topic: Topic::new("web").unwrap(),
            group: Group::new("logmill-files").unwrap(),
            next: 0,
            acknowledged: Arc::default(),
        }
    }

    fn sink(&mut self) -> Arc<ObjectSink> {
        let config = ObjectsConfig {
            topic: self.topic.clone(),
            group: self.group.clone(),
            default_customer: "default".to_owned(),
            bytes: self.rng.usize(500..20_000),
            codec: if self.rng.bool() { Codec::Zstd } else { Codec::Gzip },
        };
        let prefix = ["", "a", "b/c"][self.rng.usize(0..3)];
        Arc::new(ObjectSink::new(Store::new(self.store.clone(), prefix, "memory"), config))
    }

    /// One life; the last one goes on until everything is delivered.
    fn live(&mut self, is_last: bool) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let clock = SimClock::start();
            let world = world(self.rng.u64(..), clock.clone(), &self.disk);
            let lock = Path::new("/data/LOCK").to_path_buf();
            let queue =
                EmbeddedQueue::start(&world, lock, log_config("main", 2), log_config("side", 1)).unwrap();
            let (drain, draining) = watch::channel(false);
            let shared: Arc<dyn Queue> = queue.clone();
            let letters = DeadLetters::new(world.clone(), shared.clone(), &self.topic, &self.group, "files");
            let spec = SinkSpec {
                group: self.group.clone(),
                topic: self.topic.clone(),
                sink: self.sink(),
                letters: letters.unwrap(),
                flush_interval: Duration::from_millis(self.rng.u64(20..500)),
                attempts: 5,
                shutdown_timeout: Duration::from_secs(30),
                budget: 1 << 20,
                turns: Turns::default(),
            };
            let status = Arc::new(SinkStatus::default());
            let runner = tokio::spawn(run(world.clone(), shared, spec, status.clone(), Drain(draining)));
            if !is_last {
                self.disk.crash_after(self.rng.u64(5..400));
            }
            self.write(&queue, &*clock).await;
            if is_last {
                let empty = async {
                    while queue.depth(&self.topic, &self.group).await.unwrap().frames > 0 {
                        clock.sleep(Duration::from_millis(100)).await;
                    }
                };
                let arrived = tokio::time::timeout(HOUR, empty).await;
                assert!(arrived.is_ok(), "the sink does not arrive: {:?}", status.get());
                drain.send_replace(true);
                runner.await.unwrap();
            }
        });
        // As `kill -9` or a power cut leaves it.
        let image = if self.rng.bool() { self.disk.killed() } else { self.disk.power_cut(self.rng.u64(..)) };
        self.disk = Disk::new(&image);
    }

    async fn write(&mut self, queue: &Arc<EmbeddedQueue>, clock: &dyn Clock) {
        for _ in 0..self.rng.u32(20..80) {
            let (n, queue, acknowledged) = (self.next, queue.clone(), self.acknowledged.clone());
            self.next += 1;
            let append = batch(&self.topic, n, &mut self.rng);
            tokio::spawn(async move {
                if queue.append(append).await.is_ok() {
                    acknowledged.lock().unwrap().insert(n);
                }
            });
            clock.sleep(Duration::from_millis(self.rng.u64(0..60))).await;
        }
    }

    /// How often each record lies in the store.
    async fn found(&self) -> BTreeMap<u64, u32> {
        let mut found = BTreeMap::new();
        let all: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        for meta in all {
            let bytes = self.store.get(&meta.location).await.unwrap().bytes().await.unwrap();
            let mut text = String::new();
            let read = match meta.location.extension() {
                Some("gz") => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text),
                Some("zst") => zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text),
                _ => continue,
            };
            read.unwrap();
            for line in text.lines() {
                let (_, rest) = line.split_once("\"path\":\"/").unwrap();
                *found.entry(rest.split('"').next().unwrap().parse().unwrap()).or_default() += 1;
            }
        }
        found
    }
}

#[test]
fn each_record_lies_in_one_object_whatever_crashes() {
    for seed in 0..SEEDS {
        let mut machine = Machine::new(seed);
        for life in 1..=LIVES {
            machine.live(life == LIVES);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(machine.found());
        let acknowledged = machine.acknowledged.lock().unwrap();
        assert!(!acknowledged.is_empty(), "seed {seed}: nothing was acknowledged");
        for n in acknowledged.iter().flat_map(|n| n * 3..n * 3 + 3) {
            assert_eq!(found.get(&n), Some(&1), "seed {seed}: record {n}");
        }
        assert!(found.values().all(|n| *n == 1), "seed {seed}: a record lies there twice");
        assert!(found.keys().all(|n| *n < machine.next * 3), "seed {seed}: a record was invented");
    }
}
