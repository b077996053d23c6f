//! What a commit to the lake costs after many others: a few rows each into the local catalog, with rounds of upkeep between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use logmill_queue::{
    Delivery, Encoding, Frame, Header, Lease, LogId, Opening, Outcome, Partition, Sink, Staged, Topic, Writer,
};
use logmill_sink_iceberg::catalog::{Catalog, SqliteCatalog, TableName};
use logmill_sink_iceberg::rows::Window;
use logmill_sink_iceberg::{IcebergSink, LakeConfig, LakeMetrics, Limits, Maintenance};
use logmill_store::StoreConfig;
use logmill_world::World;
use prometheus::Registry;

use crate::otlp::bodies;
use crate::server::cpu_of;
use crate::state::number;

/// Rows of a commit.
const ROWS: u64 = 3;
/// Commits between two rounds of upkeep.
const ROUND: u64 = 50;
/// Commits over which the cost is taken.
const WINDOW: u64 = 100;
/// The commits after which it is printed.
const POINTS: [u64; 6] = [100, 1_000, 2_000, 3_000, 5_000, 10_000];
/// Snapshots that are kept: the least that is, those of three days with a commit each five minutes, and with one a minute.
const KEPT: [usize; 3] = [100, 864, 4_320];

/// Prints the cost for each number of snapshots that are kept. `BENCH_COMMITS` (10,000); `BENCH_KEPT` for one number only.
pub(crate) fn print() {
    let commits = number("BENCH_COMMITS", 10_000);
    let one = usize::try_from(number("BENCH_KEPT", 0)).expect("a number of snapshots");
    println!(
        "\ncommits of {ROWS} rows into the local catalog, upkeep after each {ROUND}; means of {WINDOW} commits"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for kept in KEPT.into_iter().filter(|kept| one == 0 || *kept == one) {
        println!("{kept} snapshots kept");
        let dir = std::env::var("BENCH_DIR").unwrap_or(".".to_owned());
        let folder = tempfile::tempdir_in(dir).expect("a temporary folder");
        runtime.block_on(async { Lake::new(folder.path(), kept, 1, ROWS).await.run(commits).await });
    }
}

/// Prints nothing but how many files it wrote into the folder `BENCH_DIR`: `BENCH_FILES` (1,000), of 1,000 rows of eight services each.
pub(crate) fn files() {
    let dir = std::env::var("BENCH_DIR").expect("BENCH_DIR names the folder of the lake");
    let files = number("BENCH_FILES", 1000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut lake = Lake::new(Path::new(&dir), 100, 8, 125).await;
        for _ in 0..files {
            let staged = lake.staged();
            lake.commit(staged).await;
        }
    });
    println!("{files} files of 1,000 rows in {dir}");
}

/// A table that is written.
struct Lake {
    folder: PathBuf,
    /// Requests of a commit, and rows of a request.
    size: (u64, u64),
    catalog: Arc<dyn Catalog>,
    sink: IcebergSink,
    lease: Lease,
    writer: Box<dyn Writer>,
    upkeep: Maintenance,
    next: u64,
}

/// Time on the wall and of all cores.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Cost {
    fn add(&mut self, began: (Instant, Duration)) {
        self.wall += began.0.elapsed();
        self.cpu += cpu_of("self").all().saturating_sub(began.1);
    }
}

fn now() -> (Instant, Duration) {
    (Instant::now(), cpu_of("self").all())
}

fn table() -> TableName {
    TableName::parse("default.logs").expect("a name")
}

fn config() -> LakeConfig {
    LakeConfig {
        table: table(),
        window: Window { past: Duration::MAX, future: Duration::MAX },
        store: StoreConfig::default(),
        memory_bytes: 64 << 20,
        flush_size: 16 << 20,
        rewrite_after: Duration::from_secs(3600),
    }
}

impl Lake {
    async fn new(folder: &Path, kept: usize, requests: u64, rows: u64) -> Self {
        let world = World::real();
        let catalog: Arc<dyn Catalog> = Arc::new(SqliteCatalog::new(&world, folder).expect("a catalog"));
        let metrics = LakeMetrics::register(&Registry::new(), &World::real()).expect("metrics");
        let sink = IcebergSink::new(&world, catalog.clone(), config(), metrics);
        let lease = Lease::new(LogId([7; 16]), Topic::new("otel-logs").expect("a topic"), Partition(0), 1);
        let Opening { writer, .. } = sink.open(lease.clone(), None).await.expect("a new table");
        // All snapshots are younger than any age that could be set here, so that the number alone decides.
        let limits = Limits { keep_for: Duration::ZERO, keep_at_least: kept, ..Limits::default() };
        let upkeep = Maintenance::new(&world, catalog.clone(), table(), StoreConfig::default(), limits);
        Self {
            folder: folder.to_owned(),
            size: (requests, rows),
            catalog,
            sink,
            lease,
            writer,
            upkeep,
            next: 0,
        }
    }

    async fn run(mut self, commits: u64) {
        let (mut cost, mut kept_up, mut rounds) = (Cost::default(), Cost::default(), 0);
        for done in 1..=commits {
            let staged = self.staged();
            let began = now();
            self.commit(staged).await;
            cost.add(began);
            if done % ROUND == 0 {
                let began = now();
                self.upkeep.round().await.expect("upkeep");
                kept_up.add(began);
                rounds += 1;
            }
            if done % WINDOW == 0 {
                if POINTS.contains(&done) || done == commits {
                    self.tell(done, cost, kept_up, rounds).await;
                }
                (cost, kept_up, rounds) = (Cost::default(), Cost::default(), 0);
            }
        }
    }

    fn staged(&mut self) -> Staged {
        let (from, (requests, rows)) = (self.next, self.size);
        for offset in from..from + requests {
            let payload = Bytes::from(bodies::request(offset, rows));
            let header = Header::new(Encoding(logmill_otlp::ENCODING), rows as u32, 0);
            self.writer.write(&Delivery::Frame(Frame { offset, header, payload }));
        }
        self.next += requests;
        Staged { lease: self.lease.clone(), from, to: self.next, content: self.writer.stage() }
    }

    async fn commit(&self, staged: Staged) {
        let outcomes = self.sink.commit(&[staged]).await.expect("a commit");
        assert!(matches!(outcomes[..], [Outcome::Done(..)]), "{outcomes:?}");
    }

    async fn tell(&self, done: u64, cost: Cost, kept_up: Cost, rounds: u32) {
        let base = self.catalog.load(&table()).await.expect("the catalog").expect("the table");
        let bytes = std::fs::metadata(Path::new(base.location.trim_start_matches("file://")));
        let each = |time: Duration, of: u32| time.as_secs_f64() * 1000.0 / f64::from(of.max(1));
        println!(
            "after {done:>6}: a commit {:>6.1} ms, {:>6.1} ms of CPU; a round {:>7.1} ms, {:>7.1} ms of CPU; {:>5} snapshots, \
             metadata {:>5} KiB, {:>6} files",
            each(cost.wall, WINDOW as u32),
            each(cost.cpu, WINDOW as u32),
            each(kept_up.wall, rounds),
            each(kept_up.cpu, rounds),
            base.metadata.snapshots().count(),
            bytes.map_or(0, |of| of.len() >> 10),
            std::fs::read_dir(self.folder.join("default/logs/metadata")).map_or(0, Iterator::count),
        );
    }
}
