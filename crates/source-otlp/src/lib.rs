//! OpenTelemetry logs over HTTP and gRPC into the queue. See README.md.

mod config;
mod door;
mod fault;
mod grpc;
mod http;
mod metrics;
#[cfg(test)]
mod tests;

pub use config::OtlpConfig;
pub use door::OtlpLogs;
pub use grpc::router as grpc_router;
pub use http::router as http_router;
pub use metrics::OtlpMetrics;
