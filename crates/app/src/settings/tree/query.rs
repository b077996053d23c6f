//! The settings of SQL.

use std::time::Duration;

/// What questions in SQL may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Rows of an answer.
    pub(crate) max_rows: u32,
    /// From a question to the end of its answer.
    pub(crate) timeout: Duration,
    /// Bytes that all questions together hold.
    pub(crate) memory: u64,
    /// Questions at once.
    pub(crate) concurrency: u32,
}
