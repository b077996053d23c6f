//! The columns of the table and what fills them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    Int32Builder, Int64Builder, MapBuilder, MapFieldNames, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use logmill_otlp::{Id, Record, Text, Value, severity_name};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::attributes::{Layouts, Origin, Pair, emptied};
use super::context::Context;
use super::merge::Counts;
use super::time;

const UTC: &str = "UTC";

/// Names that Iceberg's own conversion gives the parts of a map.
const ENTRIES: &str = "key_value";
const KEY: &str = "key";
const VALUE: &str = "value";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    let entries =
        Field::new(ENTRIES, DataType::Struct(Fields::from(vec![key_field(), value_field()])), false);
    let columns = [
        ("timestamp", time),
        ("timestamp_nanos", DataType::Int64),
        ("severity", DataType::Utf8),
        ("severity_number", DataType::Int32),
        ("body", DataType::Utf8),
        ("trace_id", DataType::Utf8),
        ("span_id", DataType::Utf8),
        ("service_name", DataType::Utf8),
        ("deployment_environment", DataType::Utf8),
        ("host_name", DataType::Utf8),
        ("event_name", DataType::Utf8),
        ("scope_name", DataType::Utf8),
        ("attributes", DataType::Map(Arc::new(entries), false)),
    ];
    let fields = (1..).zip(columns).map(|(id, (name, kind))| with_id(id, Field::new(name, kind, true)));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

/// The columns of [`batches`](super::batches), with Iceberg's field ids: 1 to 13 in order, 14 and 15 for the map's key and value.
#[must_use]
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

fn with_id(id: i32, field: Field) -> Field {
    field.with_metadata(HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]))
}

fn key_field() -> FieldRef {
    Arc::new(with_id(14, Field::new(KEY, DataType::Utf8, false)))
}

fn value_field() -> FieldRef {
    Arc::new(with_id(15, Field::new(VALUE, DataType::Utf8, true)))
}

/// Rows that are being built.
pub(super) struct Columns<'a> {
    timestamp: TimestampMicrosecondBuilder,
    timestamp_nanos: Int64Builder,
    severity: StringBuilder,
    severity_number: Int32Builder,
    body: StringBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    service_name: StringBuilder,
    environment: StringBuilder,
    host_name: StringBuilder,
    event_name: StringBuilder,
    scope_name: StringBuilder,
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    rows: usize,
    counts: Counts,
    /// Text of a value that is no string.
    text: String,
    /// The attributes of a record; empty between records.
    own: Vec<Pair<'static>>,
    layouts: Layouts<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn new() -> Self {
        let names = MapFieldNames { entry: ENTRIES.to_owned(), key: KEY.to_owned(), value: VALUE.to_owned() };
        let attributes = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        Self {
            timestamp: TimestampMicrosecondBuilder::new().with_timezone(UTC),
            timestamp_nanos: Int64Builder::new(),
            severity: StringBuilder::new(),
            severity_number: Int32Builder::new(),
            body: StringBuilder::new(),
            trace_id: StringBuilder::new(),
            span_id: StringBuilder::new(),
            service_name: StringBuilder::new(),
            environment: StringBuilder::new(),
            host_name: StringBuilder::new(),
            event_name: StringBuilder::new(),
            scope_name: StringBuilder::new(),
            attributes: attributes.with_keys_field(key_field()).with_values_field(value_field()),
            rows: 0,
            counts: Counts::default(),
            text: String::new(),
            own: Vec::new(),
            layouts: Layouts::default(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the row of a record.
    pub(super) fn push(
        &mut self,
        nanos: i64,
        record: &Record<'_>,
        context: &'a Context,
    ) -> Result<(), ArrowError> {
        self.timestamp.append_value(nanos.div_euclid(1000));
        self.timestamp_nanos.append_value(nanos);
        self.severity(record);
        self.body(record.body());
        self.counts.ids +=
            id(&mut self.trace_id, record.trace_id()) + id(&mut self.span_id, record.span_id());
        self.service_name.append_option(context.service.as_deref());
        self.environment.append_option(context.environment.as_deref());
        self.host_name.append_option(context.host.as_deref());
        self.counts.strings += text_or_null(&mut self.event_name, record.event_name());
        self.scope_name.append_option(context.scope_name.as_deref());
        self.attributes(nanos, record, context)?;
        self.counts.strings += context.mended;
        self.rows += 1;
        Ok(())
    }

    fn severity(&mut self, record: &Record<'_>) {
        let number = record.severity_number();
        self.severity_number.append_option((number != 0).then_some(number));
        if record.severity_text().is_empty() {
            self.severity.append_option(severity_name(number));
        } else {
            self.counts.strings += text_or_null(&mut self.severity, record.severity_text());
        }
    }

    fn body(&mut self, body: Value<'_>) {
        self.counts.strings += value(&mut self.body, &body, &mut self.text);
    }

    fn attributes(
        &mut self,
        nanos: i64,
        record: &Record<'_>,
        context: &'a Context,
    ) -> Result<(), ArrowError> {
        let sent = time::replaced(record, nanos);
        self.counts.times += u64::from(sent.is_some());
        let mut own = emptied(std::mem::take(&mut self.own));
        own.extend(record.attributes());
        if let Some(layout) = self.layouts.of(&own, sent.is_some(), context) {
            self.counts.strings += layout.mended;
            self.attributes.keys().append_array(&layout.keys)?;
            let values = self.attributes.values();
            for origin in &layout.origins {
                match *origin {
                    Origin::Own(at) => {
                        let found = own.get(at).map_or(&Value::Empty, |(_, found)| found);
                        self.counts.strings += value(values, found, &mut self.text);
                    }
                    Origin::Outer(at) => {
                        values.append_option(context.attributes.get(at).and_then(|(_, text)| text.as_ref()));
                    }
                    Origin::Time => values.append_option(sent.map(|time| time.to_string())),
                }
            }
        }
        self.own = emptied(own);
        self.attributes.append(true)
    }

    /// The rows as a batch.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let attributes = self.attributes.finish();
        *self.attributes.keys() = alike(attributes.keys());
        *self.attributes.values() = alike(attributes.values());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.timestamp.finish()),
            Arc::new(self.timestamp_nanos.finish()),
            finished(&mut self.severity),
            Arc::new(self.severity_number.finish()),
            finished(&mut self.body),
            finished(&mut self.trace_id),
            finished(&mut self.span_id),
            finished(&mut self.service_name),
            finished(&mut self.environment),
            finished(&mut self.host_name),
            finished(&mut self.event_name),
            finished(&mut self.scope_name),
            Arc::new(attributes),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}

/// The column, and room for another one like it: the next batch is about as large.
fn finished(builder: &mut StringBuilder) -> ArrayRef {
    let column: ArrayRef = Arc::new(builder.finish());
    *builder = alike(&column);
    column
}

fn alike(column: &ArrayRef) -> StringBuilder {
    let bytes = column.as_string_opt::<i32>().map_or(0, |texts| texts.value_data().len());
    StringBuilder::with_capacity(column.len(), bytes + bytes / 16)
}

/// Adds a value as text; answers how many strings had to be mended.
fn value(column: &mut StringBuilder, value: &Value<'_>, scratch: &mut String) -> u64 {
    match value {
        Value::Empty => {
            column.append_null();
            0
        }
        Value::String(text) => string(column, *text),
        other => {
            scratch.clear();
            let mended = other.write_text(scratch);
            column.append_value(scratch);
            mended
        }
    }
}

fn string(column: &mut StringBuilder, text: Text<'_>) -> u64 {
    let text = text.lossy();
    column.append_value(&text);
    u64::from(matches!(text, Cow::Owned(_)))
}

/// Empty is absent where protobuf does not tell one from the other.
fn text_or_null(column: &mut StringBuilder, text: Text<'_>) -> u64 {
    if text.is_empty() {
        column.append_null();
        return 0;
    }
    string(column, text)
}

/// Adds an id in lower-case hexadecimal digits; answers 1 if its length is wrong.
fn id<const N: usize>(column: &mut StringBuilder, id: Id<N>) -> u64 {
    let Id::Valid(bytes) = id else {
        column.append_null();
        return u64::from(id == Id::WrongLength);
    };
    let mut digits = [0; 32];
    let pairs = digits.chunks_exact_mut(2).zip(bytes);
    for (pair, byte) in pairs {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    let text = digits.get(..N * 2).and_then(|digits| std::str::from_utf8(digits).ok());
    column.append_option(text);
    0
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' - 10 + value }
}
