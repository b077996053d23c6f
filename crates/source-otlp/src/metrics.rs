//! The source's metrics; their names are part of what we promise.

use prometheus::{IntCounterVec, Opts, Registry};

/// Counters of both protocols.
#[derive(Clone, Debug)]
pub struct OtlpMetrics {
    requests: IntCounterVec,
    records: IntCounterVec,
}

impl OtlpMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let requests = "Export requests by protocol (http, grpc) and the status they were answered with.";
        let records = "Log records that were stored, by protocol.";
        Ok(Self {
            requests: counter("otlp_requests_total", requests, &["protocol", "status"])?,
            records: counter("otlp_records_received_total", records, &["protocol"])?,
        })
    }

    /// Counts an answer, and the records that were stored for the first time.
    pub(crate) fn count(&self, protocol: &str, status: &str, records: u32) {
        self.requests.with_label_values(&[protocol, status]).inc();
        if records > 0 {
            self.records.with_label_values(&[protocol]).inc_by(u64::from(records));
        }
    }
}
