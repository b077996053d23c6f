//! OpenTelemetry logs into Apache Iceberg tables, exactly once. See README.md.

pub mod rows;
