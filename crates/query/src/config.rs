//! What is asked and within which limits, validated by who builds it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logmill_sink_iceberg::catalog::{Catalog, TableName};
use logmill_store::StoreConfig;

/// The Iceberg table; in SQL it has the last part of its name.
#[derive(Clone)]
pub struct LakeSource {
    /// Who knows it. Only `load` is called.
    pub catalog: Arc<dyn Catalog>,
    /// Its name there.
    pub table: TableName,
    /// How to reach its files, if they are not in a folder.
    pub store: StoreConfig,
}

/// The hourly files of web logs, in SQL `web_logs`.
#[derive(Clone, Debug)]
pub struct WebSource {
    /// The folder that holds `logs/`.
    pub dir: PathBuf,
    /// The customer whose files lie directly below `logs/`.
    pub default_customer: String,
}

/// The tables that there are, and why others are not.
#[derive(Clone, Default)]
pub struct Sources {
    /// The Iceberg table.
    pub lake: Option<LakeSource>,
    /// The hourly files.
    pub web: Option<WebSource>,
    /// Tables that these settings do not have, each with the reason.
    pub absent: Vec<(String, String)>,
}

/// What questions may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of an answer (`query.max_rows`).
    pub max_rows: u64,
    /// From the question to the end of its answer (`query.timeout`).
    pub timeout: Duration,
    /// Bytes that the operators of all questions together hold (`query.memory`).
    pub memory: usize,
    /// Questions at once (`query.concurrency`).
    pub concurrency: usize,
    /// Threads of one question.
    pub threads: usize,
}
