//! Settings of the sink, validated by who builds them.

use std::time::Duration;

use logmill_queue::Encoding;
use logmill_store::StoreConfig;

use crate::catalog::TableName;
use crate::rows::Window;

/// Where the rows go and when.
#[derive(Clone, Debug)]
pub struct LakeConfig {
    /// The table in the catalog.
    pub table: TableName,
    /// The encoding of frames that are OpenTelemetry requests; others go to the dead letters.
    pub encoding: Encoding,
    /// Which times of records are believed.
    pub window: Window,
    /// How to reach the store of the table's files; its URL is not looked at, the table's location says where.
    pub store: StoreConfig,
    /// Memory of rows that wait, over all partitions of the process, in bytes.
    pub memory_bytes: u64,
    /// Payload after which the rows are committed, over all partitions of the process, in bytes.
    pub flush_size: u64,
    /// A file that was written so long ago without being committed is written again: a third of the age from which the clean-up takes
    /// files that nobody names.
    pub rewrite_after: Duration,
}
