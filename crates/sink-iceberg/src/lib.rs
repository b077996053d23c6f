//! OpenTelemetry logs into Apache Iceberg tables, exactly once. See README.md.

pub mod catalog;
mod commit;
mod config;
mod data_file;
mod files;
mod maintenance;
mod metrics;
mod position;
pub mod rows;
mod sink;
pub mod storage;
mod table;
mod writer;

pub use config::LakeConfig;
pub use maintenance::{
    Compacted, Effort, HeldPosition, History, Limits, LiveFiles, Maintenance, Orphans, Progress, Round,
    SmallFiles, Status, Step,
};
pub use metrics::LakeMetrics;
pub use sink::IcebergSink;
pub use table::schema;
