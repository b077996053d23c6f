//! `POST /logs`: JSON, NDJSON and CSV batches into the queue. See README.md.

mod accept;
mod answer;
mod body;
mod budget;
mod config;
mod handler;
mod inflate;
mod metrics;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use accept::{Listener, Timeouts};
pub use config::WebConfig;
pub use handler::{WebLogs, router};
pub use metrics::WebMetrics;
