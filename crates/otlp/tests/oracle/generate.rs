//! Random requests as prost's structures.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    vec(resource_logs(), 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

fn resource_logs() -> impl Strategy<Value = ResourceLogs> {
    (option::of(resource()), vec(scope_logs(), 0..3), text())
        .prop_map(|(resource, scope_logs, schema_url)| ResourceLogs { resource, scope_logs, schema_url })
}

fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), any::<u32>(), vec(entity(), 0..2)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    )
}

fn entity() -> impl Strategy<Value = EntityRef> {
    (text(), text(), vec(text(), 0..3)).prop_map(|(schema_url, r#type, keys)| EntityRef {
        schema_url,
        r#type,
        id_keys: keys.clone(),
        description_keys: keys,
    })
}

fn scope_logs() -> impl Strategy<Value = ScopeLogs> {
    (option::of(scope()), vec(record(), 0..4), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), attributes(), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    )
}

pub(crate) fn record() -> impl Strategy<Value = LogRecord> {
    let times = (any::<u64>(), prop_oneof![Just(0), any::<u64>()]);
    let severity = (any::<i32>(), text());
    let numbers = (any::<u32>(), any::<u32>());
    let ids = (id(16), id(8));
    let values = (option::of(value()), attributes());
    (times, severity, values, numbers, ids, text()).prop_map(
        |(times, severity, values, numbers, ids, event_name)| LogRecord {
            time_unix_nano: times.0,
            observed_time_unix_nano: times.1,
            severity_number: severity.0,
            severity_text: severity.1,
            body: values.0,
            attributes: values.1,
            dropped_attributes_count: numbers.0,
            flags: numbers.1,
            trace_id: ids.0,
            span_id: ids.1,
            event_name,
        },
    )
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), length), vec(Just(0), length), vec(any::<u8>(), 0..20)]
}

/// Texts whose lengths need one byte or two.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => "\\PC{0,12}", 1 => "[a-z\"\\\\\n\u{1}]{0,8}", 1 => "[a-z]{120,140}"]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(pair(value()), 0..5)
}

fn pair(value: impl Strategy<Value = AnyValue>) -> impl Strategy<Value = KeyValue> {
    let key = prop_oneof![Just("k".to_owned()), text()];
    (key, option::weighted(0.9, value)).prop_map(|(key, value)| KeyValue { key, value })
}

fn value() -> impl Strategy<Value = AnyValue> {
    let double = prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)];
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(Value::StringValue(text))),
        any::<bool>().prop_map(|value| Some(Value::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(Value::IntValue(value))),
        double.prop_map(|value| Some(Value::DoubleValue(value))),
        vec(any::<u8>(), 0..8).prop_map(|bytes| Some(Value::BytesValue(bytes))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(6, 24, 4, |inner| {
        let array = vec(inner.clone(), 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values }));
        let pairs = vec(pair(inner), 0..4).prop_map(|values| Value::KvlistValue(KeyValueList { values }));
        prop_oneof![array, pairs].prop_map(|value| AnyValue { value: Some(value) })
    })
}
