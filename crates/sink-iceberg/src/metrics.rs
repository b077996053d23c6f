//! The lake's metrics; their names are part of what we promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use iceberg::spec::DataFile;
use logmill_world::Micros;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

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
    newest: Arc<AtomicI64>,
}

impl LakeMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
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
        Ok(Self {
            buffered,
            files: counter("lake_files_written_total", "Parquet files that were written.")?,
            rows: counter("lake_rows_committed_total", "Rows that were committed to the lake.")?,
            commits,
            durations,
            mended,
            newest: Arc::new(AtomicI64::new(NEVER)),
        })
    }

    /// How old the newest snapshot is by the wall clock, in seconds; none before the table was opened, or without a snapshot.
    /// Whoever exposes it as `lake_snapshot_age_seconds` asks at each scrape.
    #[must_use]
    pub fn snapshot_age(&self, now: Micros) -> Option<f64> {
        let newest = self.newest.load(Ordering::Relaxed);
        let age = || Duration::from_micros(u64::try_from(now.saturating_sub(newest)).unwrap_or(0));
        (newest != NEVER).then(|| age().as_secs_f64())
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
