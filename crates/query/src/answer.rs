//! Rows as they come.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::QueryError;
use crate::stats::{Figures, Stats};

/// What the task of a question tells.
pub(crate) enum Piece {
    Rows(RecordBatch),
    /// There are no more.
    End,
    Error(QueryError),
}

/// The task of a question; it ends when nobody wants its answer any more.
pub(crate) struct Running(pub(crate) JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The rows of an answer. Dropping it ends the work.
pub struct Answer {
    pub(crate) schema: SchemaRef,
    pub(crate) stats: Arc<Stats>,
    pub(crate) pieces: mpsc::Receiver<Piece>,
    pub(crate) _running: Running,
}

impl Answer {
    /// The columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// The answer ends here and is not whole.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        match self.pieces.recv().await {
            Some(Piece::Rows(rows)) => Ok(Some(rows)),
            Some(Piece::End) => Ok(None),
            Some(Piece::Error(error)) => Err(error),
            None => Err(QueryError::Failed("the question ended out of order; the log says why".to_owned())),
        }
    }

    /// What was read so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.stats.figures()
    }
}
