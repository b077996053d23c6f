//! The source's metrics; their names are part of what we promise.

use prometheus::{HistogramOpts, HistogramVec, IntCounter, Registry};

/// Seconds from half a millisecond to ten.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters of `POST /logs`.
#[derive(Clone, Debug)]
pub struct WebMetrics {
    pub(crate) batches: IntCounter,
    pub(crate) invalid: IntCounter,
    pub(crate) records: IntCounter,
    pub(crate) errors: IntCounter,
    pub(crate) duplicates: IntCounter,
    pub(crate) durations: HistogramVec,
}

impl WebMetrics {
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
        let options = HistogramOpts::new(
            "http_request_duration_seconds",
            "Time from a request's headers to its answer.",
        )
        .buckets(BUCKETS.to_vec());
        let durations = HistogramVec::new(options, &["route", "method", "status"])?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self {
            batches: counter("log_batches_received_total", "Batches that were stored.")?,
            invalid: counter(
                "invalid_requests_total",
                "Requests that were refused for what they hold (4xx).",
            )?,
            records: counter("logs_ingested_total", "Records that were stored.")?,
            errors: counter(
                "ingest_errors_total",
                "Requests that failed for a reason of ours (429 and 5xx).",
            )?,
            duplicates: counter(
                "duplicate_batches_total",
                "Repetitions of a batch that were not stored again.",
            )?,
            durations,
        })
    }
}
