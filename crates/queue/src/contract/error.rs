//! Errors, named by what the caller must do (invariant 7).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::names::{LogId, Offset};

/// What the caller must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Never retry: the same call fails again.
    Invalid,
    /// Retry later.
    Unavailable,
    /// Back off: there is no room now.
    Full,
    /// Hand the item to the dead letters.
    Rejected,
    /// Set the bytes aside.
    Corrupt,
    /// A mistake in logmill.
    Bug,
}

/// An error of a queue: its class, what failed, and the cause.
#[derive(Clone, Debug)]
pub struct QueueError {
    /// What the caller must do.
    pub class: Class,
    /// What was attempted and what to do about the failure.
    pub context: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl QueueError {
    /// An error that has no further cause.
    #[must_use]
    pub fn new(class: Class, context: impl Into<String>) -> Self {
        Self { class, context: context.into(), cause: None }
    }

    /// An error with the cause it came from.
    #[must_use]
    pub fn caused(
        class: Class,
        context: impl Into<String>,
        cause: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self { class, context: context.into(), cause: Some(Arc::new(cause)) }
    }

    /// An I/O error of a file: full if there is no space, otherwise unavailable, since it may work later.
    #[must_use]
    pub fn io(context: impl Into<String>, error: io::Error) -> Self {
        let class = if error.kind() == io::ErrorKind::StorageFull { Class::Full } else { Class::Unavailable };
        Self::caused(class, context, error)
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl StdError for QueueError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}

/// Why an append did not succeed.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// Nothing is stored.
    #[error("{0}")]
    Refused(#[source] QueueError),
    /// The same key is in flight, and its outcome was not known within 5 s. Nothing is stored.
    #[error("the same key is in flight")]
    InFlight,
    /// It may be stored. Repeating it with the same key is safe.
    #[error("the outcome is unknown: {0}")]
    Unknown(#[source] QueueError),
}

/// Why a reader cannot begin where it was asked to. None of them is skipped in silence.
#[derive(Clone, Debug, Error)]
pub enum StartError {
    /// The frames from the asked offset up to `oldest` are no longer kept.
    #[error("offset {asked} has expired, the oldest that is kept is {oldest}")]
    Expired {
        /// The offset that was asked for.
        asked: Offset,
        /// The first offset that can be read.
        oldest: Offset,
    },
    /// The log ends before the asked offset: it was emptied or restored from an older copy.
    #[error("offset {asked} lies beyond the end {end} of the log")]
    Beyond {
        /// The offset that was asked for.
        asked: Offset,
        /// The offset of the next frame.
        end: Offset,
    },
    /// The position belongs to another log.
    #[error("the position belongs to log {asked}, this is log {found}")]
    OtherLog {
        /// The log of the position.
        asked: LogId,
        /// The log that is there.
        found: LogId,
    },
    /// The partition belongs to somebody else by now.
    #[error("the partition has another owner")]
    Fenced,
    /// Reading failed; it may work later.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Why a position was not committed.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// The partition belongs to somebody else by now. Nothing was committed. A queue answers this only for a
    /// lease that is no longer held: a group that is being rebalanced is `Unavailable`.
    #[error("the partition has another owner")]
    Fenced,
    /// Nothing was committed; the same commit may succeed later.
    #[error("{0}")]
    Unavailable(#[source] QueueError),
    /// It may be committed. The same commit again is harmless.
    #[error("the outcome is unknown: {0}")]
    Unknown(#[source] QueueError),
}

/// Why a sink could not do its work.
#[derive(Clone, Debug, Error)]
pub enum SinkError {
    /// The destination cannot take it now: retried for ever, never counted.
    #[error("{0}")]
    Unavailable(#[source] QueueError),
    /// The output and the log do not fit together; only an operator can decide. The sink stops.
    #[error("{0}")]
    Stop(#[source] QueueError),
}

impl From<StartError> for SinkError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Queue(error) => Self::Unavailable(error),
            other => Self::Stop(QueueError::new(Class::Invalid, other.to_string())),
        }
    }
}
