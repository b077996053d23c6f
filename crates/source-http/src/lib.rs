//! `POST /logs`: JSON, NDJSON and CSV batches into the queue. See README.md.

mod answer;
mod config;
mod handler;
mod metrics;
mod request;
#[cfg(test)]
mod tests;

pub use config::WebConfig;
pub use handler::{WebLogs, router};
pub use metrics::WebMetrics;
