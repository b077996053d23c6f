//! Encoding alone: the rows of files that are there, as Arrow batches, into Parquet again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::server::cpu_of;

/// Rows of a batch and of a row group, as the sink has them.
const BATCH: usize = 8192;
const ROW_GROUP: usize = 131_072;

/// Encodes the rows of all Parquet files below a folder as the sink does; answers how many they are and the CPU time.
pub(crate) fn again(folder: &Path) -> (u64, Duration) {
    let (mut rows, mut cpu) = (0, Duration::ZERO);
    for path in files(folder) {
        let batches = batches(&path);
        let of_file: usize = batches.iter().map(RecordBatch::num_rows).sum();
        rows += of_file as u64;
        let before = cpu_of("self");
        encode(&batches, of_file);
        cpu += cpu_of("self").minus(before).all();
    }
    (rows, cpu)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of the lake");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let all = paths.flat_map(below);
    all.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("the file"));
    let reader = reader.expect("a Parquet file").with_batch_size(BATCH).build().expect("its rows");
    reader.map(|batch| batch.expect("a batch")).collect()
}

fn encode(batches: &[RecordBatch], rows: usize) {
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return };
    let mut writer =
        ArrowWriter::try_new(Vec::new(), schema, Some(properties(rows))).expect("a writer of the schema");
    for batch in batches {
        writer.write(batch).expect("it is encoded");
    }
    std::hint::black_box(writer.into_inner().expect("the file's end"));
}

/// Those of the sink.
fn properties(rows: usize) -> WriterProperties {
    let trace_id = ColumnPath::from("trace_id");
    let mut properties = WriterProperties::builder();
    for column in ["trace_id", "span_id", "timestamp", "timestamp_nanos"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("a level")))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_column_bloom_filter_enabled(trace_id.clone(), true)
        .set_column_bloom_filter_fpp(trace_id.clone(), 0.01)
        .set_column_bloom_filter_ndv(trace_id, rows.min(ROW_GROUP) as u64)
        .build()
}
