//! JSON: what serde_json writes of a random request becomes the protobuf of the same content.

use logmill_otlp::{check, to_protobuf};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::WIDE;
use crate::generate::request;
use crate::plain::{decoded, expected};

proptest! {
    #[test]
    fn the_same_content(request in request(), pretty in any::<bool>()) {
        let json = to_json(&request);
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
        let bytes = to_protobuf(text.unwrap().as_bytes(), &WIDE).unwrap();
        // One NaN is like another one in JSON.
        let mut request = request;
        request.resource_logs.iter_mut().for_each(one_nan);
        prop_assert_eq!(decoded(&bytes, &WIDE).unwrap(), expected(&request));
    }

    #[test]
    fn what_is_made_of_random_text_is_taken(text in "[\\[\\]{}:,\"a-z0-9 ]{0,40}|\\{\"resourceLogs\":\\PC{0,40}") {
        if let Ok(bytes) = to_protobuf(text.as_bytes(), &WIDE) {
            check(&bytes, &WIDE).unwrap();
        }
    }

    /// A changed text is refused or becomes a request that is taken, which is no longer than it.
    #[test]
    fn changed_text(request in request(), place in any::<prop::sample::Index>(), piece in "[\\[\\]{}:,\"\\\\a0-9 ]|null") {
        let mut text = serde_json::to_string(&to_json(&request)).unwrap();
        let at = (0..=place.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(at, &piece);
        if let Ok(bytes) = to_protobuf(text.as_bytes(), &WIDE) {
            prop_assert!(bytes.len() <= text.len());
            check(&bytes, &WIDE).unwrap();
        }
    }
}

fn one_nan(logs: &mut opentelemetry_proto::tonic::logs::v1::ResourceLogs) {
    let mut lists = Vec::new();
    lists.extend(logs.resource.as_mut().map(|resource| &mut resource.attributes));
    for scope_logs in &mut logs.scope_logs {
        lists.extend(scope_logs.scope.as_mut().map(|scope| &mut scope.attributes));
        for record in &mut scope_logs.log_records {
            record.body.iter_mut().for_each(one_nan_in);
            lists.push(&mut record.attributes);
        }
    }
    lists.into_iter().flatten().filter_map(|pair| pair.value.as_mut()).for_each(one_nan_in);
}

fn one_nan_in(value: &mut AnyValue) {
    match &mut value.value {
        Some(Any::DoubleValue(value)) if value.is_nan() => *value = f64::NAN,
        Some(Any::ArrayValue(array)) => array.values.iter_mut().for_each(one_nan_in),
        Some(Any::KvlistValue(list)) => {
            list.values.iter_mut().filter_map(|pair| pair.value.as_mut()).for_each(one_nan_in);
        }
        _ => (),
    }
}

fn to_json(request: &ExportLogsServiceRequest) -> Value {
    let resource_logs = request.resource_logs.iter().map(|logs| {
        let resource = logs.resource.as_ref().map(|resource| {
            let entities = resource.entity_refs.iter().map(|entity| {
                json!({ "schemaUrl": entity.schema_url, "type": entity.r#type,
                        "idKeys": entity.id_keys, "descriptionKeys": entity.description_keys })
            });
            json!({ "attributes": pairs(&resource.attributes), "entityRefs": entities.collect::<Vec<_>>(),
                    "droppedAttributesCount": resource.dropped_attributes_count })
        });
        let scopes = logs.scope_logs.iter().map(|scope_logs| {
            let scope = scope_logs.scope.as_ref().map(|scope| {
                json!({ "name": scope.name, "version": scope.version, "attributes": pairs(&scope.attributes),
                        "dropped_attributes_count": scope.dropped_attributes_count })
            });
            let records: Vec<Value> = scope_logs.log_records.iter().map(record).collect();
            json!({ "logRecords": records, "scope": scope, "schemaUrl": scope_logs.schema_url })
        });
        // The resource stands behind its records here.
        json!({ "scopeLogs": scopes.collect::<Vec<_>>(), "resource": resource, "schemaUrl": logs.schema_url })
    });
    json!({ "resourceLogs": resource_logs.collect::<Vec<_>>(), "unknown": [{ "a": [1, "b", null, {}] }] })
}

fn record(record: &LogRecord) -> Value {
    json!({
        "timeUnixNano": record.time_unix_nano.to_string(),
        "observed_time_unix_nano": record.observed_time_unix_nano,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": record.body.as_ref().map(value),
        "attributes": pairs(&record.attributes),
        "droppedAttributesCount": record.dropped_attributes_count,
        "flags": record.flags.to_string(),
        "traceId": hex(&record.trace_id),
        "span_id": hex(&record.span_id),
        "eventName": record.event_name,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pairs(pairs: &[KeyValue]) -> Vec<Value> {
    pairs.iter().map(|pair| json!({ "key": pair.key, "value": pair.value.as_ref().map(value) })).collect()
}

fn value(value: &AnyValue) -> Value {
    match &value.value {
        None => json!({}),
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        Some(Any::BoolValue(value)) => json!({ "boolValue": value }),
        Some(Any::IntValue(value)) => json!({ "intValue": value.to_string() }),
        Some(Any::DoubleValue(value)) if value.is_finite() => json!({ "doubleValue": value }),
        Some(Any::DoubleValue(value)) if value.is_nan() => json!({ "doubleValue": "NaN" }),
        Some(Any::DoubleValue(value)) if *value > 0.0 => json!({ "doubleValue": "Infinity" }),
        Some(Any::DoubleValue(_)) => json!({ "doubleValue": "-Infinity" }),
        Some(Any::BytesValue(bytes)) => json!({ "bytesValue": base64(bytes) }),
        Some(Any::ArrayValue(array)) => {
            json!({ "arrayValue": { "values": array.values.iter().map(self::value).collect::<Vec<_>>() } })
        }
        Some(Any::KvlistValue(list)) => json!({ "kvlistValue": { "values": pairs(&list.values) } }),
    }
}

/// Base64 by its bits, one digit at a time, without padding.
fn base64(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6).map(|chunk| {
        let chunk = format!("{:0<6}", std::str::from_utf8(chunk).unwrap());
        let digit = u32::from_str_radix(&chunk, 2).unwrap();
        char::from_u32(match digit {
            0..26 => 'A' as u32 + digit,
            26..52 => 'a' as u32 + digit - 26,
            52..62 => '0' as u32 + digit - 52,
            62 => '+' as u32,
            _ => '/' as u32,
        })
    });
    digits.map(Option::unwrap).collect()
}
