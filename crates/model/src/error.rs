//! What a sender is told.

use std::borrow::Cow;

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RecordError {
    /// The record, counted from 0 without the CSV header; `None` where the body as a whole is meant.
    pub index: Option<u32>,
    /// The field of the record, if one is to blame.
    pub field: Option<&'static str>,
    /// One sentence for the sender. What it quotes is cut short and printable ASCII.
    pub reason: Cow<'static, str>,
}

/// Why nothing of a body may be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// HTTP 400: never repeat.
    #[error("the body is malformed or holds invalid records")]
    Malformed {
        /// The first [`MAX_ERRORS`](crate::MAX_ERRORS) errors in the order of the body. An error that ended the
        /// walk takes the last place if there were more.
        errors: Vec<RecordError>,
    },
    /// HTTP 413: repeat in smaller batches.
    #[error(transparent)]
    TooLarge(#[from] Excess),
}

/// The limit that a body goes beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch has more than {limit} {what} (setting `{setting}`)")]
pub struct Excess {
    /// What there is too much of.
    pub what: &'static str,
    /// The limit, in pieces of `what`.
    pub limit: u32,
    /// The setting that holds the limit.
    pub setting: &'static str,
}

impl Excess {
    pub(crate) fn records(limit: u32) -> Self {
        Self { what: "records", limit, setting: "limits.max_batch_records" }
    }

    pub(crate) fn hours(limit: u32) -> Self {
        Self { what: "distinct hours", limit, setting: "limits.max_hours_per_batch" }
    }
}
