//! Requests as the SDKs send them.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// 2026-11-22T00:00:00Z.
const START: u64 = 1_795_305_600_000_000_000;
const DAY: u64 = 86_400 * 1_000_000_000;

fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn text(key: &str, text: impl Into<String>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value(Value::StringValue(text.into())) }
}

fn number(key: &str, number: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value(Value::IntValue(number)) }
}

fn record(n: u64, days: u64) -> LogRecord {
    let time = START + n * 1_000_003 - n % days * DAY;
    let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let attributes = vec![
        text("http.request.method", ["GET", "POST", "PUT"][n as usize % 3]),
        text("url.path", format!("/api/v2/customers/{}/orders", hash % 5000)),
        number("http.response.status_code", 200 + (hash % 4 * 100).cast_signed()),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"),
        number("thread.id", (n % 64).cast_signed()),
        text("code.function.name", "orders.handler.list_orders"),
    ];
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 250_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: value(Value::StringValue(format!(
            "listed {} orders of customer {} in {} ms",
            n % 90,
            hash % 5000,
            hash % 700
        ))),
        attributes,
        trace_id: [hash.to_be_bytes(), n.to_be_bytes()].concat(),
        span_id: hash.rotate_left(17).to_be_bytes().to_vec(),
        flags: 1,
        ..LogRecord::default()
    }
}

/// The `n`-th request, with so many records.
pub(crate) fn request(n: u64, records: u64) -> Vec<u8> {
    request_of_days(n, records, 1)
}

/// The same with records of so many days in turn.
pub(crate) fn request_of_days(n: u64, records: u64, days: u64) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            text("service.name", format!("checkout-{}", n % 8)),
            text("service.version", "4.17.2"),
            text("deployment.environment.name", "production"),
            text("host.name", format!("node-{:03}", n % 40)),
            text("telemetry.sdk.language", "java"),
        ],
        ..Resource::default()
    };
    let scope =
        InstrumentationScope { name: "com.example.orders".to_owned(), ..InstrumentationScope::default() };
    let log_records = (n * records..(n + 1) * records).map(|n| record(n, days)).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}
