use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::http::gzip;
use super::server::{Answer, EXPORT, Headers, REAL, REAL_RECORDS, Setup, framed};

fn status(answer: &Answer) -> &str {
    answer.header("grpc-status")
}

#[tokio::test]
async fn a_real_request_is_stored_as_it_came() {
    let server = Setup::default().start().await;
    let answer = server.export(REAL).await;
    assert_eq!((answer.status, status(&answer)), (200, "0"), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/grpc");
    assert_eq!(&answer.body[..], [0; 5], "one message without bytes");
    let zstd = zstd::encode_all(REAL, 3).unwrap();
    for (coding, message) in [("gzip", framed(1, &gzip(REAL))), ("zstd", framed(1, &zstd))] {
        let answer = server.call(EXPORT, &[("grpc-encoding", coding)], message).await;
        assert_eq!(status(&answer), "0", "{answer:?}");
    }
    // A message may come as it is although the call has an encoding.
    let answer = server.call(EXPORT, &[("grpc-encoding", "gzip")], framed(0, REAL)).await;
    assert_eq!(status(&answer), "0", "{answer:?}");
    let stored = server.stored().await;
    assert_eq!(stored.len(), 4);
    assert!(stored.iter().all(|frame| frame.payload == REAL && frame.header.count == REAL_RECORDS));
    assert_eq!(server.metric("otlp_requests_total", &["grpc", "OK"]), 4.0);
    assert_eq!(status(&server.export(b"").await), "0", "an empty request is a success");
    assert_eq!(server.stored().await.len(), 4);
}

#[tokio::test]
async fn what_can_never_be_taken_is_refused_for_good() {
    let server = Setup::default().start().await;
    let large = vec![0; (1 << 20) + 1];
    let cut = framed(0, REAL)[..100].to_vec();
    let gzip_flag = [("grpc-encoding", "gzip")];
    let table: [(Headers<'_>, Vec<u8>, &str); 10] = [
        (&[], framed(0, &REAL[..REAL.len() - 1]), "3"),
        (&[], framed(1, REAL), "3"),
        (&[], framed(7, REAL), "3"),
        (&[], vec![0, 0], "3"),
        (&[], Vec::new(), "3"),
        (&[], cut, "3"),
        (&[], [framed(0, REAL), framed(0, REAL)].concat(), "3"),
        (&gzip_flag, framed(1, REAL), "3"),
        (&[("grpc-encoding", "br")], framed(1, REAL), "12"),
        (&[], framed(0, &large), "8"),
    ];
    for (headers, body, wanted) in table {
        let answer = server.call(EXPORT, headers, body).await;
        assert_eq!((answer.status, status(&answer)), (200, wanted), "{headers:?} {answer:?}");
        let details = STANDARD_NO_PAD.decode(answer.header("grpc-status-details-bin")).unwrap();
        assert!(!String::from_utf8_lossy(&details).contains("RetryInfo"), "{answer:?}");
    }
    let announced = [&[0, 0x7f, 0xff, 0xff, 0xff][..], b"x"].concat();
    let answer = server.call(EXPORT, &[], announced).await;
    assert_eq!(status(&answer), "8", "2 GiB are refused by their prefix: {answer:?}");
    assert!(answer.header("grpc-message").contains("limits.max_batch_bytes"), "{answer:?}");
    let other =
        server.call("/opentelemetry.proto.collector.trace.v1.TraceService/Export", &[], framed(0, b""));
    assert_eq!(status(&other.await), "12");
    let plain = server.call(EXPORT, &[("content-type", "application/json")], b"{}".to_vec()).await;
    assert_eq!(plain.status, 415);
    assert_eq!(server.stored().await.len(), 0);
}

#[tokio::test]
async fn a_key_makes_a_repetition_harmless_over_either_protocol() {
    let server = Setup::default().start().await;
    let key = ("idempotency-key", "one");
    for _ in 0..2 {
        assert_eq!(status(&server.call(EXPORT, &[key], framed(0, REAL)).await), "0");
    }
    let http = server.post(&[("content-type", "application/x-protobuf"), key], REAL).await;
    assert_eq!(http.status, 200);
    assert_eq!(server.stored().await.len(), 1);
    let other = server.call(EXPORT, &[key], framed(0, &REAL.repeat(2))).await;
    assert_eq!(status(&other), "6", "{other:?}");
}
