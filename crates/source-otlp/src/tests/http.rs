use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{Headers, REAL, REAL_RECORDS, Setup, real_json};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_real_request_is_stored_as_it_came() {
    let server = Setup::default().start().await;
    let zstd = zstd::encode_all(REAL, 3).unwrap();
    let bodies = [("identity", REAL.to_vec()), ("gzip", gzip(REAL)), ("zstd", zstd)];
    for (coding, body) in &bodies {
        let answer = server.post(&[PROTOBUF, ("content-encoding", coding)], body).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/x-protobuf");
    }
    let stored = server.stored().await;
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|frame| frame.payload == REAL && frame.header.count == REAL_RECORDS));
    assert_eq!(server.metric("otlp_requests_total", &["http", "200"]), 3.0);
    assert_eq!(server.metric("otlp_records_received_total", &["http"]), f64::from(REAL_RECORDS * 3));
}

#[tokio::test]
async fn json_is_stored_as_protobuf_and_answered_as_json() {
    let server = Setup::default().start().await;
    let answer = server.post(&[("content-type", "application/json; charset=utf-8")], &real_json()).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let stored = server.stored().await;
    assert_eq!(stored[0].payload, REAL, "the SDK's own protobuf of the same request");
}

#[tokio::test]
async fn an_empty_request_is_a_success_and_stores_nothing() {
    let server = Setup::default().start().await;
    assert_eq!(server.protobuf(b"").await.status, 200);
    for empty in ["{}", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":[{"scopeLogs":[{}]}]}"#] {
        let answer = server.post(&[JSON], empty.as_bytes()).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]), "{answer:?}");
    }
    assert_eq!(server.stored().await.len(), 0);
}

#[tokio::test]
async fn what_can_never_be_taken_is_refused_for_good() {
    let server = Setup::default().start().await;
    let cut = &REAL[..REAL.len() - 1];
    let large = vec![0; (1 << 20) + 1];
    let many = [&[0x0a, 0xd5, 0x0f, 0x12, 0xd2, 0x0f][..], &[0x12, 0].repeat(1001)].concat();
    let bomb = gzip(&vec![0; 64 << 20]);
    let table: [(Headers<'_>, &[u8], u16); 11] = [
        (&[PROTOBUF], cut, 400),
        (&[PROTOBUF], b"\x0a\xff\xff\xff\xff\x07", 400),
        (&[JSON], b"{\"resourceLogs\": 7}", 400),
        (&[JSON], b"{", 400),
        (&[PROTOBUF, ("content-encoding", "gzip")], REAL, 400),
        (&[PROTOBUF], &large, 413),
        (&[PROTOBUF], &many, 413),
        (&[PROTOBUF, ("content-encoding", "gzip")], &bomb, 413),
        (&[("content-type", "text/plain")], REAL, 415),
        (&[], REAL, 415),
        (&[PROTOBUF, ("content-encoding", "br")], REAL, 415),
    ];
    for (headers, body, status) in table {
        let answer = server.post(headers, body).await;
        assert_eq!(answer.status, status, "{headers:?} {answer:?}");
        assert_eq!(answer.header("retry-after"), "", "{answer:?}");
    }
    assert_eq!(server.stored().await.len(), 0);
    let answer = server.post(&[JSON], b"{\"resourceLogs\": 7}").await;
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["code"], 3);
    assert!(status["message"].as_str().unwrap().contains("resourceLogs"), "{status}");
}

#[tokio::test]
async fn a_key_makes_a_repetition_harmless() {
    let server = Setup::default().start().await;
    let headers = [PROTOBUF, ("idempotency-key", "one")];
    assert_eq!(server.post(&headers, REAL).await.status, 200);
    assert_eq!(server.post(&headers, REAL).await.status, 200);
    let other = server.post(&headers, &REAL.repeat(2)).await;
    assert_eq!(other.status, 422, "{other:?}");
    // JSON of the same content is the same request.
    assert_eq!(server.post(&[JSON, headers[1]], &real_json()).await.status, 200);
    assert_eq!(server.stored().await.len(), 1);
    assert_eq!(server.metric("otlp_records_received_total", &["http"]), f64::from(REAL_RECORDS));
}

#[tokio::test]
async fn a_request_over_the_limit_of_the_log_is_split_at_its_records() {
    let server = Setup { max_payload: 800, ..Setup::default() }.start().await;
    let answer = server.protobuf(REAL).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let stored = server.stored().await;
    assert!(stored.len() > 1 && stored.iter().all(|frame| frame.payload.len() <= 800));
    assert_eq!(stored.iter().map(|frame| frame.header.count).sum::<u32>(), REAL_RECORDS);
    let small = Setup { max_payload: 100, ..Setup::default() }.start().await;
    assert_eq!(small.protobuf(REAL).await.status, 400, "no record fits");
}
