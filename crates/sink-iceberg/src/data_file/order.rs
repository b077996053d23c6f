//! The order of the table over several sorted batches: `service_name`, `timestamp`, nulls first.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use logmill_queue::{Class, QueueError};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use crate::table::{SERVICE_NAME, TIMESTAMP};

/// A batch and a row in it.
pub(super) type Row = (usize, usize);

struct Keys<'a> {
    services: &'a StringArray,
    times: &'a TimestampMicrosecondArray,
}

impl Keys<'_> {
    fn of(&self, row: usize) -> (Option<&str>, Option<i64>) {
        let service = self.services.is_valid(row).then(|| self.services.value(row));
        let time = self.times.is_valid(row).then(|| self.times.value(row));
        (service, time)
    }
}

/// All rows in the table's order. The sort finds runs that are sorted already, so this merges.
pub(super) fn merged(batches: &[RecordBatch]) -> Result<Vec<Row>, QueueError> {
    let keys: Vec<Keys<'_>> = batches.iter().map(keys).collect::<Result<_, _>>()?;
    let mut rows: Vec<Row> = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (at, batch) in batches.iter().enumerate() {
        rows.extend((0..batch.num_rows()).map(|row| (at, row)));
    }
    let key = |&(batch, row): &Row| keys.get(batch).map(|keys| keys.of(row));
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(rows)
}

fn keys(batch: &RecordBatch) -> Result<Keys<'_>, QueueError> {
    let services = column(batch, SERVICE_NAME).and_then(|column| column.as_string_opt::<i32>());
    let times =
        column(batch, TIMESTAMP).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    match (services, times) {
        (Some(services), Some(times)) => Ok(Keys { services, times }),
        _ => Err(QueueError::new(Class::Bug, "rows without service_name or timestamp")),
    }
}

fn column(batch: &RecordBatch, id: i32) -> Option<&dyn Array> {
    let id = id.to_string();
    let is = |field: &&std::sync::Arc<arrow_schema::Field>| {
        field.metadata().get(PARQUET_FIELD_ID_META_KEY) == Some(&id)
    };
    let at = batch.schema_ref().fields().iter().position(|field| is(&field))?;
    batch.columns().get(at).map(|column| &**column)
}
