use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{RECORD, Setup};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_batch_is_stored_as_it_came_and_counted() {
    let server = Setup::default().start().await;
    let body = format!("[{RECORD}, {RECORD}]");
    let answer = server.post(&[], &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        (answer.json()["accepted"].as_u64(), answer.json()["duplicate"].as_bool()),
        (Some(2), Some(false))
    );
    for packed in [("gzip", gzip(body.as_bytes())), ("zstd", zstd::encode_all(body.as_bytes(), 3).unwrap())] {
        let answer = server.post(&[("content-encoding", packed.0)], packed.1).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    let ndjson = server.post(&[("content-type", "application/x-ndjson")], format!("{RECORD}\n")).await;
    let csv = "path,timestamp,userAgent\n/a,2025-12-28T18:00:00Z,x\n";
    let csv = server.post(&[("content-type", "text/csv"), ("x-customer-id", "acme")], csv).await;
    assert_eq!((ndjson.status, csv.status), (202, 202));
    let stored = server.stored().await;
    assert_eq!(stored.len(), 5);
    assert!(
        stored[..3].iter().all(|frame| frame.payload == body.as_bytes()),
        "inflated, otherwise as it came"
    );
    assert_eq!((stored[4].header.customer.as_str(), stored[4].header.count), ("acme", 1));
    assert_eq!(server.metric("log_batches_received_total"), 5.0);
    assert_eq!(server.metric("logs_ingested_total"), 8.0);
    assert_eq!(server.metric("http_request_duration_seconds"), 5.0);
    assert_eq!(server.metric("in_flight_bytes"), 0.0);
}

#[tokio::test]
async fn a_batch_without_records_stores_nothing() {
    let server = Setup::default().start().await;
    for (kind, body) in [
        ("application/json", "[]"),
        ("application/x-ndjson", "\n"),
        ("text/csv", "timestamp,path,userAgent\n"),
    ] {
        let answer = server.post(&[("content-type", kind), ("idempotency-key", "k")], body).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(0)), "{kind}: {answer:?}");
    }
    assert!(server.stored().await.is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_of_it_is_stored() {
    let server = Setup::default().start().await;
    let bad = format!("[{RECORD}, {{}}]");
    let answer = server.post(&[], &bad).await;
    assert_eq!((answer.status, answer.json()["errors"][0]["index"].as_u64()), (400, Some(1)), "{answer:?}");
    assert!(answer.head.contains("application/problem+json"));
    for (headers, body, status) in [
        (&[("content-type", "text/plain")][..], "x", 415),
        (&[("content-encoding", "gzip")], "not gzip", 400),
        (&[("content-encoding", "gzip")], "", 400),
        (&[("idempotency-key", "a b")], "[]", 400),
        (&[("x-customer-id", "../x")], "[]", 400),
        (&[], "", 400),
        (&[], &"x".repeat((1 << 20) + 1), 413),
    ] {
        let answer = server.post(headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
    }
    let mut client = server.connect().await;
    client.send("GET /logs HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: post"));
    assert!(server.stored().await.is_empty());
    assert_eq!(server.metric("invalid_requests_total"), 9.0);
    assert_eq!(server.metric("in_flight_bytes"), 0.0);
}

#[tokio::test]
async fn a_lenient_batch_is_stored_whole_with_its_rejected_indexes() {
    let server = Setup::default().start().await;
    let body = format!("[{RECORD}, {{}}, {RECORD}]");
    let answer = server.post(&[("prefer", "handling=lenient")], &body).await;
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(2)), "{answer:?}");
    assert_eq!(answer.json()["errors"][0]["index"], 1);
    let stored = server.stored().await;
    assert_eq!((stored[0].header.count, &stored[0].header.rejected[..]), (3, &[1][..]));
    assert_eq!(stored[0].payload, body.as_bytes());
    assert_eq!(server.metric("logs_ingested_total"), 2.0);
}

#[tokio::test]
async fn a_repeated_key_is_a_duplicate_for_its_customer_only() {
    let server = Setup::default().start().await;
    let body = format!("[{RECORD}]");
    let key = ("idempotency-key", "k1");
    let first = server.post(&[key], &body).await;
    let packed = server.post(&[key, ("content-encoding", "gzip")], gzip(body.as_bytes())).await;
    assert_eq!((first.status, packed.status), (202, 200));
    assert_eq!(packed.json()["duplicate"], true);
    assert_eq!(first.json()["batchId"], packed.json()["batchId"]);
    let other_body = server.post(&[key], format!("[{RECORD},{RECORD}]")).await;
    let other_type = server.post(&[key, ("content-type", "application/x-ndjson")], RECORD).await;
    assert_eq!((other_body.status, other_type.status), (422, 422));
    let other_customer = server.post(&[key, ("x-customer-id", "acme")], &body).await;
    assert_eq!(other_customer.status, 202);
    assert_eq!(server.stored().await.len(), 2);
    assert_eq!(server.metric("duplicate_batches_total"), 1.0);
    assert_eq!(server.metric("log_batches_received_total"), 2.0);
}
