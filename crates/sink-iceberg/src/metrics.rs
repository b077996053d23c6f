//! The lake's metrics; their names are part of what we promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use iceberg::spec::DataFile;
use logmill_world::{Micros, World};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::maintenance::Compacted;
use crate::rows::Counts;

/// Seconds from a hundredth to the time-out of a request.
const BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// No snapshot is known yet.
const NEVER: i64 = i64::MIN;

/// Figures of the lake.
#[derive(Clone, Debug)]
pub struct LakeMetrics {
    pub(crate) buffered: IntGauge,
    files: IntCounter,
    rows: IntCounter,
    commits: IntCounterVec,
    durations: Histogram,
    mended: IntCounterVec,
    compactions: IntCounterVec,
    newest: Arc<AtomicI64>,
}

/// How old the newest snapshot is, computed when somebody asks. Nothing is said before a snapshot is known.
struct SnapshotAge {
    world: World,
    newest: Arc<AtomicI64>,
    gauge: Gauge,
}

impl Collector for SnapshotAge {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let newest = self.newest.load(Ordering::Relaxed);
        if newest == NEVER {
            return Vec::new();
        }
        let age = self.world.clock().wall().saturating_sub(newest);
        self.gauge.set(Duration::from_micros(u64::try_from(age).unwrap_or(0)).as_secs_f64());
        self.gauge.collect()
    }
}

impl LakeMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry, world: &World) -> Result<Self, prometheus::Error> {
        let counter = |name, help| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let buffered = IntGauge::new("lake_buffer_bytes", "Memory of rows that wait for their commit.")?;
        registry.register(Box::new(buffered.clone()))?;
        let commits = IntCounterVec::new(
            Opts::new("lake_commits_total", "Commits that were sent to the lake's catalog, by its answer."),
            &["result"],
        )?;
        registry.register(Box::new(commits.clone()))?;
        let options = HistogramOpts::new(
            "lake_commit_duration_seconds",
            "Time from sending a commit to the catalog's answer.",
        );
        let durations = Histogram::with_opts(options.buckets(BUCKETS.to_vec()))?;
        registry.register(Box::new(durations.clone()))?;
        let mended = IntCounterVec::new(
            Opts::new(
                "lake_values_mended_total",
                "Values that were written otherwise than they came, by the reason.",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(mended.clone()))?;
        let compactions = IntCounterVec::new(
            Opts::new("lake_compactions_total", "Merges of small files of the lake, by what became of them."),
            &["result"],
        )?;
        registry.register(Box::new(compactions.clone()))?;
        let newest = Arc::new(AtomicI64::new(NEVER));
        let gauge = Gauge::new(
            "lake_snapshot_age_seconds",
            "Time since the newest snapshot of the lake's table that was seen or made here.",
        )?;
        registry.register(Box::new(SnapshotAge { world: world.clone(), newest: newest.clone(), gauge }))?;
        Ok(Self {
            buffered,
            files: counter("lake_files_written_total", "Parquet files that were written.")?,
            rows: counter("lake_rows_committed_total", "Rows that were committed to the lake.")?,
            commits,
            durations,
            mended,
            compactions,
            newest,
        })
    }

    /// Counts merges of small files.
    pub fn compacted(&self, done: &Compacted) {
        for (result, n) in
            [("committed", done.commits), ("given_up", done.given_up), ("failed", done.failures.len() as u64)]
        {
            self.compactions.with_label_values(&[result]).inc_by(n);
        }
    }

    /// The table has a snapshot of this time.
    pub(crate) fn seen(&self, at: Micros) {
        self.newest.fetch_max(at, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, mended: Counts) {
        self.files.inc();
        for (reason, n) in [("utf8", mended.strings), ("id", mended.ids), ("time", mended.times)] {
            self.mended.with_label_values(&[reason]).inc_by(n);
        }
    }

    pub(crate) fn committed(&self, files: &[DataFile], now: Micros) {
        self.commits("committed");
        self.rows.inc_by(files.iter().map(DataFile::record_count).sum());
        self.seen(now);
    }

    pub(crate) fn commits(&self, result: &str) {
        self.commits.with_label_values(&[result]).inc();
    }

    pub(crate) fn took(&self, time: Duration) {
        self.durations.observe(time.as_secs_f64());
    }
}
