//! The metrics of questions; their names are part of what we promise.

use std::sync::Arc;
use std::time::Duration;

use logmill_world::World;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

use crate::error::QueryError;
use crate::stats::Stats;

/// Seconds, up to the longest `query.timeout` that makes sense.
const BUCKETS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];

/// Figures of all questions.
#[derive(Clone, Debug)]
pub struct QueryMetrics {
    questions: IntCounterVec,
    durations: Histogram,
    files: IntCounterVec,
    bytes: IntCounter,
}

impl QueryMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), &["result"])?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let help = "Time from a question to the end of its answer, also for who reads slowly.";
        let durations = HistogramOpts::new("query_duration_seconds", help).buckets(BUCKETS.to_vec());
        let durations = Histogram::with_opts(durations)?;
        registry.register(Box::new(durations.clone()))?;
        let bytes = IntCounter::new("query_read_bytes_total", "Bytes of rows read for questions.")?;
        registry.register(Box::new(bytes.clone()))?;
        Ok(Self {
            questions: counters("query_questions_total", "Questions, by what became of them.")?,
            durations,
            files: counters(
                "query_files_total",
                "Files of rows, opened for questions or known to be of no use.",
            )?,
            bytes,
        })
    }

    /// Counts a question that is not taken.
    pub(crate) fn refused(&self) {
        self.questions.with_label_values(&["busy"]).inc();
    }
}

/// A question that is taken. It is counted when it is dropped: whoever asked may leave at any moment.
pub(crate) struct Taken {
    metrics: QueryMetrics,
    world: World,
    since: Duration,
    stats: Arc<Stats>,
    result: &'static str,
}

impl Taken {
    pub(crate) fn new(metrics: &QueryMetrics, world: &World, stats: &Arc<Stats>) -> Self {
        let since = world.clock().monotonic();
        Self {
            metrics: metrics.clone(),
            world: world.clone(),
            since,
            stats: stats.clone(),
            result: "abandoned",
        }
    }

    /// How it ended: whether all its rows were taken, or why not.
    pub(crate) fn ended(&mut self, done: &Result<bool, QueryError>) {
        self.result = match done {
            Ok(true) => "answered",
            Ok(false) => "abandoned",
            Err(QueryError::Statement(_) | QueryError::NotAQuery(_)) => "wrong",
            Err(QueryError::Limit { .. }) => "limit",
            Err(QueryError::Busy(_)) => "busy",
            Err(QueryError::Unavailable(_)) => "unavailable",
            Err(QueryError::Failed(_)) => "failed",
        };
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let (metrics, figures) = (&self.metrics, self.stats.figures());
        metrics.questions.with_label_values(&[self.result]).inc();
        metrics.durations.observe((self.world.clock().monotonic().saturating_sub(self.since)).as_secs_f64());
        metrics.files.with_label_values(&["opened"]).inc_by(figures.opened);
        metrics.files.with_label_values(&["skipped"]).inc_by(figures.skipped);
        metrics.bytes.inc_by(figures.bytes);
    }
}
