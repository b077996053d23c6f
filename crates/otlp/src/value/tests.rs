//! Values as text. What JSON means is said by serde_json.

use serde_json::{Value as Json, json};

use crate::testing::{field, request};
use crate::{Limits, Record, Resource, Scope, Visitor, read};

/// Keeps the text of the body.
#[derive(Default)]
struct Body(String, u64);

impl Visitor for Body {
    fn resource(&mut self, _: &Resource<'_>) {}
    fn scope(&mut self, _: &Scope<'_>) {}
    fn record(&mut self, record: &Record<'_>) {
        self.1 = record.body().write_text(&mut self.0);
    }
}

/// The text of a value, and how many strings were mended.
fn text(value: &[u8]) -> (String, u64) {
    let mut body = Body::default();
    read(&request(&field(5, value)), &Limits::default(), &mut body).unwrap();
    (body.0, body.1)
}

fn double(value: f64) -> Vec<u8> {
    [&[0x21][..], &value.to_le_bytes()].concat()
}

fn pair(key: &[u8], value: &[u8]) -> Vec<u8> {
    field(1, &[field(1, key), field(2, value)].concat())
}

#[test]
fn single_values() {
    let max = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let cases: [(Vec<u8>, &str); 9] = [
        (field(1, b"as \"it\" is\n"), "as \"it\" is\n"),
        (field(1, b""), ""),
        (Vec::new(), ""),
        (vec![0x10, 0x01], "true"),
        (vec![0x10, 0x00], "false"),
        (vec![0x18, 0x2a], "42"),
        (max.to_vec(), "-1"),
        (field(7, &[0xfb, 0xff]), "\"+/8=\""),
        (field(5, b""), "[]"),
    ];
    for (value, expected) in cases {
        assert_eq!(text(&value), (expected.to_owned(), 0));
    }
}

/// The texts are those of Python's `repr`, but for the exponents, which have no leading zero.
#[test]
fn doubles() {
    let cases = [
        (0.25, "0.25"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e300, "1e+300"),
        (1e16, "1e+16"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (1e15, "1000000000000000.0"),
        (1.5e-7, "1.5e-7"),
        (5e-324, "5e-324"),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ];
    for (value, expected) in cases {
        assert_eq!(text(&double(value)).0, expected);
    }
}

#[test]
fn lists_are_json() {
    let array = field(
        5,
        &[field(1, b""), field(1, &field(1, b"a\"\\\n\x01\xc3\xa9")), field(1, &double(f64::NAN))].concat(),
    );
    let list = field(
        6,
        &[pair(b"b", &array), pair(b"a", &[0x18, 0x01]), pair(b"bytes", &field(7, b"foo"))].concat(),
    );
    let (text, mended) = text(&list);
    assert_eq!(mended, 0);
    assert_eq!(text, "{\"b\":[null,\"a\\\"\\\\\\n\\u0001é\",\"NaN\"],\"a\":1,\"bytes\":\"Zm9v\"}");
    let read: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(read, json!({ "b": [null, "a\"\\\n\u{1}é", "NaN"], "a": 1, "bytes": "Zm9v" }));
}

#[test]
fn the_last_of_equal_keys_stands() {
    let list =
        field(6, &[pair(b"a", &[0x18, 0x01]), pair(b"b", &[0x18, 0x02]), pair(b"a", &[0x18, 0x03])].concat());
    assert_eq!(text(&list).0, r#"{"b":2,"a":3}"#);
}

#[test]
fn what_is_no_utf8_is_mended_and_counted() {
    assert_eq!(text(&field(1, b"a\xffb")), ("a\u{fffd}b".to_owned(), 1));
    let list = field(6, &[pair(b"\xc3", &field(1, b"\xe2\x82")), pair(b"ok", &field(1, b"ok"))].concat());
    assert_eq!(text(&list), ("{\"\u{fffd}\":\"\u{fffd}\",\"ok\":\"ok\"}".to_owned(), 2));
}
