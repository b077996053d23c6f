//! Columns whose values stand in one cell.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;

/// The rows with maps, lists and structs as JSON text.
pub(super) fn flat(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = flat_schema(&rows.schema());
    let columns = rows
        .columns()
        .iter()
        .map(|column| if column.data_type().is_nested() { as_json(column) } else { Ok(column.clone()) });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(schema, columns.collect::<Result<Vec<_>, _>>()?, &options)
}

/// The columns of such rows.
pub(super) fn flat_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let kind = if field.data_type().is_nested() { DataType::Utf8 } else { field.data_type().clone() };
        Field::new(field.name(), kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Each value as JSON; null stays null.
fn as_json(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Field::new("v", column.data_type().clone(), true);
    let only = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column.clone()])?;
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    writer.write(&only)?;
    let text = writer.into_inner();
    let mut texts = StringBuilder::new();
    for line in text.split(|byte| *byte == b'\n').take(column.len()) {
        let value = line.strip_prefix(b"{\"v\":").and_then(|rest| rest.strip_suffix(b"}"));
        texts.append_option(value.filter(|value| *value != b"null").map(String::from_utf8_lossy));
    }
    Ok(Arc::new(texts.finish()))
}
