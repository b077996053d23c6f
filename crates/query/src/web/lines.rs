//! Lines of web logs as columns.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, MapBuilder, RecordBatch, RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use logmill_model::Timestamp;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The columns of `web_logs`. `attributes` has every further field, other values than strings as JSON.
pub(super) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    let entries = Field::new_struct(
        "entries",
        vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)],
        false,
    );
    Arc::new(Schema::new(vec![
        Field::new("timestamp", time, false),
        Field::new("customer", DataType::Utf8, false),
        Field::new("method", DataType::Utf8, true),
        Field::new("path", DataType::Utf8, true),
        Field::new("user_agent", DataType::Utf8, true),
        Field::new("attributes", DataType::Map(Arc::new(entries), false), false),
    ]))
}

/// One line.
#[derive(Default)]
struct Record<'a> {
    timestamp: Option<Timestamp>,
    method: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
    others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Columns while they grow.
pub(super) struct Columns<'a> {
    customer: &'a str,
    timestamps: TimestampMicrosecondBuilder,
    texts: [StringBuilder; 4],
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    rows: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(customer: &'a str) -> Self {
        Self {
            customer,
            timestamps: TimestampMicrosecondBuilder::new().with_timezone("+00:00"),
            texts: Default::default(),
            attributes: MapBuilder::new(None, StringBuilder::new(), StringBuilder::new()),
            rows: 0,
        }
    }

    /// Adds a line. The text of the error says what is wrong with it.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), String> {
        let record = read(line).map_err(|error| error.to_string())?;
        let timestamp = record.timestamp.ok_or("it has no timestamp")?;
        self.timestamps.append_value(timestamp.micros());
        let [customer, method, path, agent] = &mut self.texts;
        customer.append_value(self.customer);
        method.append_option(record.method);
        path.append_option(record.path);
        agent.append_option(record.user_agent);
        for (key, value) in record.others {
            self.attributes.keys().append_value(key);
            self.attributes.values().append_value(value);
        }
        self.attributes.append(true).map_err(|error| error.to_string())?;
        self.rows += 1;
        Ok(())
    }

    /// The rows, with the columns at these places of the schema.
    pub(super) fn finish(mut self, schema: &SchemaRef, places: &[usize]) -> Result<RecordBatch, ArrowError> {
        let [customer, method, path, agent] = &mut self.texts;
        let all: [ArrayRef; 6] = [
            Arc::new(self.timestamps.finish()),
            Arc::new(customer.finish()),
            Arc::new(method.finish()),
            Arc::new(path.finish()),
            Arc::new(agent.finish()),
            Arc::new(self.attributes.finish()),
        ];
        let columns = places.iter().filter_map(|place| all.get(*place).cloned()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
    }
}

fn read(line: &[u8]) -> serde_json::Result<Record<'_>> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let record = reader.deserialize_map(Reader)?;
    reader.end()?;
    Ok(record)
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "timestamp" => {
                    let Text(text) = map.next_value()?;
                    record.timestamp = Some(Timestamp::parse(&text).map_err(serde::de::Error::custom)?);
                }
                "method" => record.method = Some(map.next_value::<Text<'_>>()?.0),
                "path" => record.path = Some(map.next_value::<Text<'_>>()?.0),
                "userAgent" => record.user_agent = Some(map.next_value::<Text<'_>>()?.0),
                _ => {
                    let value = plain(map.next_value()?).map_err(serde::de::Error::custom)?;
                    record.others.push((key, value));
                }
            }
        }
        Ok(record)
    }
}

/// A string as itself, anything else as the JSON that stands there.
fn plain(value: &RawValue) -> serde_json::Result<Cow<'_, str>> {
    if value.get().starts_with('"') {
        return serde_json::from_str::<Text<'_>>(value.get()).map(|text| text.0);
    }
    Ok(Cow::Borrowed(value.get()))
}

/// A string that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
