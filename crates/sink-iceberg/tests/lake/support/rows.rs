//! Requests out of lines `day|service|body`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

const DAY: u64 = 86_400_000_000_000;

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) })
}

fn named(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: text(value) }
}

fn line(at: u64, line: &str) -> ResourceLogs {
    let parts: Vec<&str> = line.split('|').collect();
    let [day, service, body] = parts[..] else { panic!("{line:?} is no row") };
    let record = LogRecord {
        time_unix_nano: day.parse::<u64>().unwrap() * DAY + at * 1000,
        severity_number: 9,
        body: text(body),
        attributes: vec![named("body", body)],
        ..LogRecord::default()
    };
    let services = if service.is_empty() { Vec::new() } else { vec![named("service.name", service)] };
    let resource = Some(Resource { attributes: services, ..Resource::default() });
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }
}

/// A request with one record a line. What is no such line at all is no request either.
pub(crate) fn request(lines: &str) -> Vec<u8> {
    if !lines.contains('|') {
        return lines.as_bytes().to_vec();
    }
    let resource_logs = (0..).zip(lines.lines()).map(|(at, text)| line(at, text)).collect();
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}
