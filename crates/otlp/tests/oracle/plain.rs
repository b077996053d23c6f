//! A request as plain values, made from what the decoder tells and from what prost decodes.

use logmill_otlp::{Attributes, Id, Limits, Record, Resource, Scope, Text, Value, Visitor, read};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;

/// A value; doubles by their bits, so that NaN is equal to itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Empty,
    String(Vec<u8>),
    Bool(bool),
    Int(i64),
    Double(u64),
    Bytes(Vec<u8>),
    Array(Vec<Self>),
    Kvlist(Pairs),
}

pub(crate) type Pairs = Vec<(Vec<u8>, Plain)>;

/// What happened, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Resource { attributes: Pairs, dropped: u32 },
    Scope { name: Vec<u8>, version: Vec<u8>, attributes: Pairs, dropped: u32 },
    Record(Box<PlainRecord>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlainRecord {
    times: (u64, u64),
    severity: (i32, Vec<u8>),
    body: Plain,
    attributes: Pairs,
    numbers: (u32, u32),
    trace_id: Id<16>,
    span_id: Id<8>,
    event_name: Vec<u8>,
}

/// What the decoder tells of a request.
pub(crate) fn decoded(body: &[u8], limits: &Limits) -> Result<Vec<Event>, logmill_otlp::Invalid> {
    let mut events = Events::default();
    read(body, limits, &mut events)?;
    Ok(events.0)
}

#[derive(Default)]
struct Events(Vec<Event>);

impl Visitor for Events {
    fn resource(&mut self, resource: &Resource<'_>) {
        let (attributes, dropped) = (pairs(resource.attributes()), resource.dropped_attributes());
        self.0.push(Event::Resource { attributes, dropped });
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.0.push(Event::Scope {
            name: bytes(scope.name()),
            version: bytes(scope.version()),
            attributes: pairs(scope.attributes()),
            dropped: scope.dropped_attributes(),
        });
    }

    fn record(&mut self, record: &Record<'_>) {
        self.0.push(Event::Record(Box::new(PlainRecord {
            times: (record.time_unix_nano(), record.observed_time_unix_nano()),
            severity: (record.severity_number(), bytes(record.severity_text())),
            body: value(record.body()),
            attributes: pairs(record.attributes()),
            numbers: (record.flags(), record.dropped_attributes()),
            trace_id: record.trace_id(),
            span_id: record.span_id(),
            event_name: bytes(record.event_name()),
        })));
    }
}

fn bytes(text: Text<'_>) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn pairs(attributes: Attributes<'_>) -> Pairs {
    attributes.map(|(key, found)| (bytes(key), value(found))).collect()
}

fn value(found: Value<'_>) -> Plain {
    match found {
        Value::Empty => Plain::Empty,
        Value::String(text) => Plain::String(bytes(text)),
        Value::Bool(value) => Plain::Bool(value),
        Value::Int(value) => Plain::Int(value),
        Value::Double(value) => Plain::Double(value.to_bits()),
        Value::Bytes(bytes) => Plain::Bytes(bytes.to_vec()),
        Value::Array(values) => Plain::Array(values.map(value).collect()),
        Value::Kvlist(pairs) => Plain::Kvlist(pairs.map(|(key, found)| (bytes(key), value(found))).collect()),
    }
}

/// The same by prost's structures.
pub(crate) fn expected(request: &ExportLogsServiceRequest) -> Vec<Event> {
    let mut events = Vec::new();
    for resource_logs in &request.resource_logs {
        let resource = resource_logs.resource.clone().unwrap_or_default();
        let (attributes, dropped) = (any_pairs(&resource.attributes), resource.dropped_attributes_count);
        events.push(Event::Resource { attributes, dropped });
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.clone().unwrap_or_default();
            events.push(Event::Scope {
                name: scope.name.clone().into_bytes(),
                version: scope.version.clone().into_bytes(),
                attributes: any_pairs(&scope.attributes),
                dropped: scope.dropped_attributes_count,
            });
            events.extend(scope_logs.log_records.iter().map(record));
        }
    }
    events
}

fn record(record: &LogRecord) -> Event {
    Event::Record(Box::new(PlainRecord {
        times: (record.time_unix_nano, record.observed_time_unix_nano),
        severity: (record.severity_number, record.severity_text.clone().into_bytes()),
        body: any(record.body.as_ref()),
        attributes: any_pairs(&record.attributes),
        numbers: (record.flags, record.dropped_attributes_count),
        trace_id: id(&record.trace_id),
        span_id: id(&record.span_id),
        event_name: record.event_name.clone().into_bytes(),
    }))
}

fn id<const N: usize>(bytes: &[u8]) -> Id<N> {
    if bytes.len() != N {
        return if bytes.is_empty() { Id::Absent } else { Id::WrongLength };
    }
    let id = bytes.try_into().unwrap();
    if bytes.iter().all(|&byte| byte == 0) { Id::Absent } else { Id::Valid(id) }
}

fn any_pairs(pairs: &[KeyValue]) -> Pairs {
    pairs.iter().map(|pair| (pair.key.clone().into_bytes(), any(pair.value.as_ref()))).collect()
}

fn any(value: Option<&AnyValue>) -> Plain {
    match value.and_then(|value| value.value.as_ref()) {
        None => Plain::Empty,
        Some(Any::StringValue(text)) => Plain::String(text.clone().into_bytes()),
        Some(Any::BoolValue(value)) => Plain::Bool(*value),
        Some(Any::IntValue(value)) => Plain::Int(*value),
        Some(Any::DoubleValue(value)) => Plain::Double(value.to_bits()),
        Some(Any::BytesValue(bytes)) => Plain::Bytes(bytes.clone()),
        Some(Any::ArrayValue(array)) => {
            Plain::Array(array.values.iter().map(|value| any(Some(value))).collect())
        }
        Some(Any::KvlistValue(list)) => Plain::Kvlist(any_pairs(&list.values)),
    }
}
