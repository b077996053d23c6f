//! Rows of one day as a Parquet file, and what the manifest says of it.
//!
//! CPU work only: it is called beside the async threads.

mod metrics;
#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use iceberg::spec::{DataContentType, DataFile, DataFileBuilder, DataFileFormat, Literal, Struct};
use logmill_queue::{Class, QueueError};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::table::TRACE_ID;

/// Rows of a row group: some tens of megabytes of logs, so that a reader can skip most of a large file.
const ROW_GROUP: usize = 131_072;
/// Of how many lookups for a trace that is not there one reads a row group in vain.
const FALSE_HITS: f64 = 0.01;

/// A Parquet file in memory.
pub(crate) struct Encoded {
    pub bytes: Bytes,
    pub described: Described,
}

/// What a complete file says of itself.
pub(crate) struct Described {
    size: u64,
    metadata: ParquetMetaData,
}

/// A Parquet file that is being written; what is complete of it can be taken away.
pub(crate) struct Encoder(ArrowWriter<Vec<u8>>);

impl Encoder {
    /// For about so many rows.
    ///
    /// # Errors
    /// `Bug`: a schema that Parquet cannot hold.
    pub(crate) fn new(schema: SchemaRef, rows: usize) -> Result<Self, QueueError> {
        ArrowWriter::try_new(Vec::new(), schema, Some(properties(rows)?)).map(Self).map_err(failed)
    }

    /// Adds rows in the table's order.
    ///
    /// # Errors
    /// `Bug`: rows of another schema.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), QueueError> {
        self.0.write(batch).map_err(failed)
    }

    /// The bytes that were completed since the last call: whole row groups.
    pub(crate) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(self.0.inner_mut()))
    }

    /// The rest of the file, and all that Parquet says of it.
    ///
    /// # Errors
    /// `Bug`.
    pub(crate) fn close(mut self) -> Result<(Bytes, Described), QueueError> {
        let metadata = self.0.finish().map_err(failed)?;
        let size = self.0.bytes_written() as u64;
        Ok((self.take(), Described { size, metadata }))
    }
}

/// Where a file belongs.
pub(crate) struct Place {
    pub location: String,
    /// Days since 1970-01-01.
    pub day: i32,
    pub spec_id: i32,
    pub order_id: Option<i32>,
}

/// Writes batches in the table's order, `rows` in all, into one file.
///
/// # Errors
/// `Bug`: batches that cannot be made, or are not of the schema.
pub(crate) fn encode(
    schema: SchemaRef,
    rows: usize,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Encoded, QueueError> {
    let mut encoder = Encoder::new(schema, rows)?;
    for batch in batches {
        encoder
            .write(&batch.map_err(|error| QueueError::caused(Class::Bug, "rows cannot be built", error))?)?;
    }
    let (bytes, described) = encoder.close()?;
    Ok(Encoded { bytes, described })
}

/// What the manifest says of an encoded file.
///
/// # Errors
/// `Bug`.
pub(crate) fn describe(file: &Described, place: Place) -> Result<DataFile, QueueError> {
    let metrics = metrics::Metrics::of(&file.metadata);
    let mut built = DataFileBuilder::default();
    built
        .content(DataContentType::Data)
        .file_path(place.location)
        .file_format(DataFileFormat::Parquet)
        .partition(Struct::from_iter([Some(Literal::date(place.day))]))
        .record_count(u64::try_from(file.metadata.file_metadata().num_rows()).unwrap_or(0))
        .file_size_in_bytes(file.size)
        .column_sizes(metrics.sizes)
        .value_counts(metrics.values)
        .null_value_counts(metrics.nulls)
        .lower_bounds(metrics.lower)
        .upper_bounds(metrics.upper)
        .split_offsets(Some(metrics.offsets))
        .partition_spec_id(place.spec_id);
    if let Some(order) = place.order_id {
        built.sort_order_id(order);
    }
    built.build().map_err(|error| QueueError::caused(Class::Bug, "a data file", error))
}

fn properties(rows: usize) -> Result<WriterProperties, QueueError> {
    let trace_id = ColumnPath::from(TRACE_ID);
    let level = ZstdLevel::try_new(3).map_err(failed)?;
    // What hardly repeats: a dictionary would be as large as the column.
    let mut properties = WriterProperties::builder();
    for column in [TRACE_ID, "span_id", "timestamp", "timestamp_nanos"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    Ok(properties
        .set_created_by("logmill".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_column_bloom_filter_enabled(trace_id.clone(), true)
        .set_column_bloom_filter_fpp(trace_id.clone(), FALSE_HITS)
        .set_column_bloom_filter_ndv(trace_id, rows.min(ROW_GROUP) as u64)
        .build())
}

fn failed(error: parquet::errors::ParquetError) -> QueueError {
    QueueError::caused(Class::Bug, "rows cannot be written as Parquet", error)
}
