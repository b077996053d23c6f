//! CSV (RFC 4180) with a header row.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::cells::{flat, flat_schema};

pub(super) struct Csv {
    schema: SchemaRef,
    headed: bool,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: flat_schema(schema), headed: false }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.write(&flat(rows)?)
    }

    /// The header row stands also before no rows.
    pub(super) fn end(mut self) -> Result<Vec<u8>, ArrowError> {
        if self.headed { Ok(Vec::new()) } else { self.write(&RecordBatch::new_empty(self.schema.clone())) }
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let head = !std::mem::replace(&mut self.headed, true);
        let mut text = Vec::new();
        WriterBuilder::new().with_header(head).build(&mut text).write(rows)?;
        Ok(text)
    }
}
