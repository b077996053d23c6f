//! The request that the Python SDK sent over HTTP, and the JSON that Python's protobuf made of it.

use logmill_otlp::{Invalid, Limits, check, to_protobuf};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;

use crate::plain::{decoded, expected};

const PROTOBUF: &[u8] = include_bytes!("../data/http_logs.pb");
const JSON: &str = include_str!("../data/http_logs.json");

#[test]
fn protobuf() {
    let summary = check(PROTOBUF, &Limits::default()).unwrap();
    assert_eq!(summary.records, 3);
    assert_eq!(summary.span, Some((1_795_197_641_034_926_136, 1_795_197_641_035_161_856)));
    let request = ExportLogsServiceRequest::decode(PROTOBUF).unwrap();
    assert_eq!(decoded(PROTOBUF, &Limits::default()).unwrap(), expected(&request));
}

#[test]
fn each_cut_off_request_is_refused() {
    for length in 1..PROTOBUF.len() {
        let cut = PROTOBUF.get(..length).unwrap();
        check(cut, &Limits::default()).unwrap_err();
    }
    assert_eq!(check(b"", &Limits::default()).unwrap().records, 0);
}

/// Python's protobuf writes ids in base64, which OTLP does not allow.
#[test]
fn json() {
    let Invalid { path, reason, .. } = to_protobuf(JSON.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(path, "resourceLogs[0].scopeLogs[0].logRecords[0].traceId");
    assert!(reason.contains("hexadecimal"), "{reason}");
    let json = JSON
        .replace("8Z6uxRbeocnzqnzdSMo/BQ==", "F19EaEC516DEA1C9F3AA7CDD48CA3F05")
        .replace("g4mGWJXWo0U=", "8389865895d6a345");
    let bytes = to_protobuf(json.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(decoded(&bytes, &Limits::default()).unwrap(), decoded(PROTOBUF, &Limits::default()).unwrap());
    assert_eq!(bytes.len(), PROTOBUF.len());
}
