//! Why the store cannot do something.

use logmill_queue::{Class, QueueError, SinkError};
use logmill_rollup::Malformed;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// What is read is not what was written: the file is of no use any more.
    #[error("the counts are damaged: {0}")]
    Damaged(String),
    /// The file cannot be read or written now. It has to be opened again.
    #[error("cannot use the file of the counts: {0}")]
    Failed(redb::Error),
    /// Somebody else has the file open, or it is being opened again.
    #[error("the file of the counts is in use: {0}")]
    Busy(String),
    /// The answer would hold or read too much.
    #[error("the answer would be larger than 16 MiB, or take more than 256 MiB of counts")]
    TooLarge,
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Corrupted(what) => Self::Damaged(what),
            other => Self::Failed(other),
        }
    }
}

impl From<Malformed> for StoreError {
    fn from(malformed: Malformed) -> Self {
        Self::Damaged(malformed.to_string())
    }
}

impl From<StoreError> for SinkError {
    fn from(error: StoreError) -> Self {
        let full = matches!(&error, StoreError::Failed(redb::Error::Io(io)) if io.kind() == std::io::ErrorKind::StorageFull);
        let class = if full { Class::Full } else { Class::Unavailable };
        Self::Unavailable(QueueError::new(class, error.to_string()))
    }
}

macro_rules! from {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from!(StorageError, TableError, DatabaseError, TransactionError, CommitError);
