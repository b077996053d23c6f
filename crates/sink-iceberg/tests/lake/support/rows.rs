//! OpenTelemetry requests out of lines `day|service|body`.

use logmill_otlp::{Limits, to_protobuf};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000_000_000;

/// A request with a record for each line, a microsecond apart; what is no such line is no request.
pub(crate) fn request(text: &str) -> Vec<u8> {
    let resources: Option<Vec<Value>> =
        (0..).zip(text.lines()).map(|(at, line)| resource(at, line)).collect();
    let Some(resources) = resources else { return text.as_bytes().to_vec() };
    let body = json!({ "resourceLogs": resources }).to_string();
    to_protobuf(body.as_bytes(), &Limits::default()).unwrap()
}

fn resource(at: i64, line: &str) -> Option<Value> {
    let [day, service, body] = line.split('|').collect::<Vec<_>>()[..] else { return None };
    let nanos = day.parse::<i64>().unwrap() * DAY + at * 1000;
    let attributes = match service {
        "" => json!([]),
        _ => json!([{ "key": "service.name", "value": { "stringValue": service } }]),
    };
    let record = json!({
        "timeUnixNano": nanos.to_string(),
        "severityNumber": 9,
        "body": { "stringValue": body },
        "attributes": [{ "key": "said", "value": { "stringValue": body } }],
    });
    Some(json!({ "resource": { "attributes": attributes }, "scopeLogs": [{ "logRecords": [record] }] }))
}
