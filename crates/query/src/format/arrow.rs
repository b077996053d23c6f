//! The Arrow IPC stream (Arrow columnar format, *Serialization and Interprocess Communication*).

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;

pub(super) struct Arrow {
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl Arrow {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self, ArrowError> {
        let fields: Vec<FieldRef> = schema.fields().iter().map(plain).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { writer: StreamWriter::try_new(Vec::new(), &schema)?, schema })
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let columns = rows.columns().iter().zip(self.schema.fields());
        let columns =
            columns.map(|(column, field)| datafusion::arrow::compute::cast(column, field.data_type()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        Ok(std::mem::take(self.writer.get_mut()))
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, ArrowError> {
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.get_mut()))
    }
}

/// A column without the library's notes, such as field ids of Parquet.
fn plain(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Map(entries, sorted) => DataType::Map(plain(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        DataType::List(item) => DataType::List(plain(item)),
        kind => kind.clone(),
    };
    Arc::new(Field::new(field.name(), kind, field.is_nullable()))
}
