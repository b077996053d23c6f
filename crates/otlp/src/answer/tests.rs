//! Answers against bytes that Python's googleapis-common-protos and protobuf wrote.

use std::time::Duration;

use super::Status;

fn status(retry_after: Option<Duration>) -> Status {
    Status { code: 8, message: "too much is in flight".to_owned(), retry_after }
}

#[test]
fn protobuf() {
    assert_eq!(status(None).to_protobuf(), b"\x08\x08\x12\x15too much is in flight");
    let detail = b"\x1a\x32\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x06\x0a\x04\x08\x02\x10\x05";
    let expected = [&b"\x08\x08\x12\x15too much is in flight"[..], detail].concat();
    assert_eq!(status(Some(Duration::new(2, 5))).to_protobuf(), expected);
}

#[test]
fn json() {
    assert_eq!(status(None).to_json(), br#"{"code":8,"message":"too much is in flight"}"#);
    let expected = r#"{"code":8,"message":"too much is in flight","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}"#;
    assert_eq!(String::from_utf8(status(Some(Duration::from_secs(1))).to_json()).unwrap(), expected);
}

#[test]
fn delays_have_three_six_or_nine_digits() {
    for (nanos, expected) in [(0, "3s"), (500_000_000, "3.500s"), (20_000, "3.000020s"), (7, "3.000000007s")]
    {
        assert_eq!(super::seconds(Duration::new(3, nanos)), expected);
    }
}
