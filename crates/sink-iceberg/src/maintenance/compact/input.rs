//! Parquet files that are read one row group at a time.

use std::io::Cursor;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::inventory::Small;
use crate::rows;
use crate::storage::Storage;

/// A file up to this size is fetched at once.
const WHOLE: u64 = 4 << 20;
/// The end of a larger file in which its description usually lies.
const TAIL: u64 = 64 << 10;

/// A file that is being read.
pub(super) struct Input {
    location: String,
    size: u64,
    metadata: ArrowReaderMetadata,
    /// All of it, for a small one.
    whole: Option<Part>,
    next: usize,
}

impl Input {
    /// Reads what the file says of itself.
    ///
    /// # Errors
    /// It cannot be read, or its columns are not ours.
    pub(super) async fn open(storage: &Storage, file: &Small) -> Result<Self, QueueError> {
        let Small { location, bytes: size, .. } = file;
        let mut wanted = if *size <= WHOLE { *size } else { TAIL };
        loop {
            let part = Part::fetch(storage, location, *size, size.saturating_sub(wanted)..*size).await?;
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&part.content, *size) {
                Ok(()) => {}
                Err(ParquetError::NeedMoreData(more)) => {
                    wanted = more as u64;
                    continue;
                }
                Err(error) => return Err(strange(location, error)),
            }
            let metadata = reader.finish().map_err(|error| strange(location, error))?;
            let options = ArrowReaderOptions::new().with_schema(rows::schema());
            let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options);
            let metadata = metadata.map_err(|error| strange(location, error))?;
            let whole = (part.start == 0).then_some(part);
            return Ok(Self { location: location.clone(), size: *size, metadata, whole, next: 0 });
        }
    }

    /// Fetches the next row group; none behind the last one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn next(
        &mut self,
        storage: &Storage,
        batch: usize,
    ) -> Result<Option<ParquetRecordBatchReader>, QueueError> {
        let Some(group) = self.metadata.metadata().row_groups().get(self.next) else { return Ok(None) };
        let part = match &self.whole {
            Some(part) => part.clone(),
            None => {
                let range = covered(group.columns());
                Part::fetch(storage, &self.location, self.size, range).await?
            }
        };
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(part, self.metadata.clone())
            .with_row_groups(vec![self.next])
            .with_batch_size(batch)
            .build();
        self.next += 1;
        reader.map(Some).map_err(|error| strange(&self.location, error))
    }

    pub(super) fn location(&self) -> &str {
        &self.location
    }
}

fn covered(columns: &[ColumnChunkMetaData]) -> Range<u64> {
    let ranges = || columns.iter().map(|column| column.byte_range());
    let start = ranges().map(|(start, _)| start).min().unwrap_or(0);
    start..ranges().map(|(start, length)| start.saturating_add(length)).max().unwrap_or(start)
}

pub(super) fn strange(location: &str, error: impl std::error::Error + Send + Sync + 'static) -> QueueError {
    QueueError::caused(
        Class::Corrupt,
        format!("{location} is no Parquet file with the table's columns"),
        error,
    )
}

/// A part of a file, which readers take for the file.
#[derive(Clone)]
struct Part {
    start: u64,
    size: u64,
    content: Bytes,
}

impl Part {
    async fn fetch(
        storage: &Storage,
        location: &str,
        size: u64,
        range: Range<u64>,
    ) -> Result<Self, QueueError> {
        let start = range.start;
        Ok(Self { start, size, content: storage.get_range(location, range).await? })
    }

    fn at(&self, start: u64) -> ParquetResult<usize> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at <= self.content.len());
        at.ok_or_else(|| ParquetError::EOF(format!("byte {start} lies outside of the row group")))
    }
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Part {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(Cursor::new(self.content.slice(self.at(start)?..)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let at = self.at(start)?;
        let end = at.checked_add(length).filter(|end| *end <= self.content.len());
        let end =
            end.ok_or_else(|| ParquetError::EOF(format!("{length} bytes at {start} leave the row group")))?;
        Ok(self.content.slice(at..end))
    }
}
