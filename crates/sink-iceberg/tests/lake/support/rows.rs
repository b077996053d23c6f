//! Rows out of lines `day|service|body`, so that these tests do not depend on how OTLP is decoded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use logmill_queue::Frame;
use logmill_sink_iceberg::Rows;

const DAY: i64 = 86_400_000_000;

/// (service, time, body)
type Row = (Option<String>, i64, String);

#[derive(Default)]
pub(crate) struct TestRows {
    days: BTreeMap<i32, Vec<Row>>,
    held: usize,
}

impl Rows for TestRows {
    fn append(&mut self, frame: &Frame) -> Result<u64, String> {
        let text = std::str::from_utf8(&frame.payload).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        for (at, line) in (0_i64..).zip(text.lines()) {
            let parts: Vec<&str> = line.split('|').collect();
            let [day, service, body] = parts[..] else { return Err(format!("{line:?} is no row")) };
            let day: i32 = day.parse().map_err(|_| format!("{day:?} is no day"))?;
            let service = (!service.is_empty()).then(|| service.to_owned());
            rows.push((day, (service, i64::from(day) * DAY + at, body.to_owned())));
        }
        self.held += text.len();
        let count = rows.len() as u64;
        rows.into_iter().for_each(|(day, row)| self.days.entry(day).or_default().push(row));
        Ok(count)
    }

    fn held(&self) -> usize {
        self.held
    }

    fn days(&self) -> usize {
        self.days.len()
    }

    fn finish(&mut self) -> Vec<(i32, RecordBatch)> {
        self.held = 0;
        std::mem::take(&mut self.days).into_iter().map(|(day, rows)| (day, batch(rows))).collect()
    }
}

fn field(id: i32, name: &str, kind: DataType, nullable: bool) -> Field {
    let metadata = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
    Field::new(name, kind, nullable).with_metadata(metadata)
}

fn attributes(rows: &[Row]) -> ArrayRef {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let mut map = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_keys_field(field(14, "key", DataType::Utf8, false))
        .with_values_field(field(15, "value", DataType::Utf8, true));
    for (_, _, body) in rows {
        map.keys().append_value("body");
        map.values().append_value(body);
        map.append(true).unwrap();
    }
    Arc::new(map.finish())
}

fn batch(mut rows: Vec<Row>) -> RecordBatch {
    rows.sort();
    let times: Vec<i64> = rows.iter().map(|row| row.1).collect();
    let nulls = || Arc::new(StringArray::new_null(rows.len())) as ArrayRef;
    let bodies: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2)));
    let services: ArrayRef = Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>());
    let map = attributes(&rows);
    let nanos: Vec<i64> = times.iter().map(|time| time * 1000).collect();
    let columns: [(&str, ArrayRef); 13] = [
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
        ("timestamp_nanos", Arc::new(Int64Array::from(nanos))),
        ("severity", nulls()),
        ("severity_number", Arc::new(Int32Array::from(vec![9; rows.len()]))),
        ("body", bodies.clone()),
        ("trace_id", bodies),
        ("span_id", nulls()),
        ("service_name", services),
        ("deployment_environment", nulls()),
        ("host_name", nulls()),
        ("event_name", nulls()),
        ("scope_name", nulls()),
        ("attributes", map),
    ];
    assert_eq!(columns[0].1.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    let fields: Vec<Field> =
        (1..).zip(&columns).map(|(id, (name, of))| field(id, name, of.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, of)| of).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
