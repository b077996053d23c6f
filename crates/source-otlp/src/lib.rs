//! OpenTelemetry logs over HTTP and gRPC into the queue. See README.md.
