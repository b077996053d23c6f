//! The table for the engine: the files of the hours that are asked for, read a piece at a time.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as Planned;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures_util::{StreamExt, stream};
use logmill_world::{Fs, Mode, World};

use super::files::{self, HourlyFile};
use super::lines::{self, Columns};
use crate::config::WebSource;
use crate::error::QueryError;
use crate::judge::Judgement;
use crate::scan::{Rows, Scan, Share, outside, share_out};
use crate::stats::Stats;

/// The table of the hourly files.
pub const WEB_LOGS: &str = "web_logs";
/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
/// The longest line: a record is never larger than a batch may be.
const MAX_LINE: usize = 256 << 20;

/// The hourly files of one question.
pub(crate) struct WebTable {
    world: World,
    source: WebSource,
    schema: SchemaRef,
    stats: Arc<Stats>,
}

impl WebTable {
    pub(crate) fn new(world: World, source: WebSource, stats: Arc<Stats>) -> Self {
        Self { world, source, schema: lines::schema(), stats }
    }

    async fn files(&self) -> Result<Vec<HourlyFile>, QueryError> {
        let (world, source) = (self.world.clone(), self.source.clone());
        let listed = tokio::task::spawn_blocking(move || files::list(&**world.fs(), &source)).await;
        let listed = listed.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        listed.map_err(|error| {
            QueryError::Unavailable(format!(
                "the hourly files in {} cannot be listed: {error}",
                self.source.dir.display()
            ))
        })
    }
}

impl fmt::Debug for WebTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebTable").field("source", &self.source).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for WebTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Planned<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match Judgement::of(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        let places = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&places)?);
        let mut files = self.files().await.map_err(outside)?;
        let all = files.len() as u64;
        if let Some(judgement) = Judgement::of_all(filters) {
            files.retain(|file| file.can_match(&judgement));
        }
        let counts = (files.len() as u64, all - files.len() as u64);
        self.stats.planned(counts.0, counts.1);
        let shares = share_out(files, session.config().target_partitions(), |_| 1);
        let shares = shares.into_iter().map(|files| -> Arc<dyn Share> {
            let (fs, stats) = (self.world.fs().clone(), self.stats.clone());
            Arc::new(WebShare { fs, files, schema: schema.clone(), places: places.clone(), stats })
        });
        Ok(Arc::new(Scan::new(WEB_LOGS, schema.clone(), shares.collect(), counts)))
    }
}

/// Files for one thread.
#[derive(Clone)]
struct WebShare {
    fs: Arc<dyn Fs>,
    files: Vec<HourlyFile>,
    schema: SchemaRef,
    places: Vec<usize>,
    stats: Arc<Stats>,
}

impl fmt::Debug for WebShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebShare").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// How far a share is.
struct Reading {
    share: WebShare,
    /// The file that is read, and the next byte of it.
    at: (usize, u64),
}

impl Share for WebShare {
    fn read(&self) -> Result<Rows, QueryError> {
        let reading = Reading { share: self.clone(), at: (0, 0) };
        let rows = stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            // Reading blocks and parsing takes long: both beside the threads that everybody shares.
            let next = tokio::task::spawn_blocking(move || reading.next().map(|rows| (rows, reading))).await;
            match next {
                Ok(Ok((Some(rows), reading))) => Some((Ok(rows), Some(reading))),
                Ok(Ok((None, _))) => None,
                Ok(Err(error)) => Some((Err(error), None)),
                Err(panicked) => Some((Err(QueryError::Failed(panicked.to_string())), None)),
            }
        });
        Ok(rows.boxed())
    }
}

impl Reading {
    /// The next rows; none at the end of the last file.
    fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        while let Some(file) = self.share.files.get(self.at.0) {
            let piece = self.share.piece(file, self.at.1).map_err(|error| unreadable(file, &error))?;
            if !piece.is_empty() {
                let rows = self.share.rows(file, self.at.1, &piece)?;
                self.at.1 += piece.len() as u64;
                return Ok(Some(rows));
            }
            self.at = (self.at.0 + 1, 0);
        }
        Ok(None)
    }
}

impl WebShare {
    /// Whole lines from a place on; none at the end, where a line may still be on its way.
    fn piece(&self, file: &HourlyFile, at: u64) -> io::Result<Vec<u8>> {
        let open = match self.fs.open(&file.path, Mode::Read) {
            // Retention of others may have taken it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            open => open?,
        };
        if at == 0 {
            self.stats.opened();
        }
        let mut size = PIECE;
        loop {
            let mut piece = vec![0; size];
            let read = open.read_at(&mut piece, at)?;
            piece.truncate(read);
            if let Some(end) = piece.iter().rposition(|byte| *byte == b'\n') {
                piece.truncate(end + 1);
                self.stats.read(piece.len() as u64);
                return Ok(piece);
            }
            if read < size {
                return Ok(Vec::new());
            }
            if size >= MAX_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("the line at byte {at} does not end"),
                ));
            }
            size *= 2;
        }
    }

    fn rows(&self, file: &HourlyFile, at: u64, piece: &[u8]) -> Result<RecordBatch, QueryError> {
        let (mut columns, mut place) = (Columns::new(&file.customer), at);
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            columns.add(line).map_err(|error| {
                QueryError::Unavailable(format!(
                    "{}, byte {place}: the line is no web log: {error}",
                    file.path.display()
                ))
            })?;
            place += line.len() as u64;
        }
        let rows = columns.finish(&self.schema, &self.places);
        rows.map_err(|error| QueryError::Failed(format!("{}: {error}", file.path.display())))
    }
}

fn unreadable(file: &HourlyFile, error: &io::Error) -> QueryError {
    QueryError::Unavailable(format!("{} cannot be read: {error}", file.path.display()))
}
