//! What OTLP's JSON encoding allows, and what is refused. The bytes that are expected are written by hand after the
//! numbers of the `.proto` files.

use super::to_protobuf;
use crate::testing::{field, request};
use crate::{Limits, check};

/// The record's fields that a record in JSON becomes.
fn record(json: &str) -> Result<Vec<u8>, String> {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{json}]}}]}}]}}"#);
    to_protobuf(json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

#[track_caller]
fn same(json: &str, fields: &[u8]) {
    assert_eq!(record(json), Ok(request(fields)), "{json}");
}

#[track_caller]
fn refused(json: &str, place: &str, reason: &str) {
    let error = record(json).unwrap_err();
    assert!(error.starts_with(&format!("resourceLogs[0].scopeLogs[0].logRecords[0]{place}: ")), "{error}");
    assert!(error.contains(reason), "{error}");
}

fn body(value: &[u8]) -> Vec<u8> {
    field(5, value)
}

#[test]
fn empty_requests() {
    for json in
        ["{}", " {\r\n\t} ", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":null}"#, r#"{"partial":[{}]}"#]
    {
        assert_eq!(to_protobuf(json.as_bytes(), &Limits::default()).unwrap(), b"", "{json}");
    }
}

#[test]
fn integers_of_64_bits_in_quotes_or_not() {
    let seven = [&[0x09][..], &7u64.to_le_bytes()].concat();
    for json in ["7", "\"7\"", "7.0", "70e-1", "\"0.7e1\""] {
        same(&format!(r#"{{"timeUnixNano":{json}}}"#), &seven);
        same(&format!(r#"{{"time_unix_nano":{json}}}"#), &seven);
    }
    let most = [&[0x09][..], &u64::MAX.to_le_bytes()].concat();
    same(r#"{"timeUnixNano":"18446744073709551615"}"#, &most);
    same(r#"{"timeUnixNano":18446744073709551615}"#, &most);
    let least = [&[0x18][..], &[0x80; 9], &[0x01]].concat();
    same(r#"{"body":{"intValue":"-9223372036854775808"}}"#, &body(&least));
    refused(r#"{"timeUnixNano":"18446744073709551616"}"#, ".timeUnixNano", "out of the field's range");
    refused(r#"{"timeUnixNano":-1}"#, ".timeUnixNano", "out of the field's range");
    refused(r#"{"body":{"intValue":"9223372036854775808"}}"#, ".body.intValue", "out of the field's range");
    refused(r#"{"flags":4294967296}"#, ".flags", "out of the field's range");
    for json in ["1.5", "\"\"", "\" 7\"", "\"0x7\"", "\"seven\"", "true", "[7]", "{}", "+7", "07", "1e"] {
        record(&format!(r#"{{"timeUnixNano":{json}}}"#)).unwrap_err();
    }
}

#[test]
fn severities_by_number_or_name() {
    for json in ["9", "\"SEVERITY_NUMBER_INFO\"", "9.0"] {
        same(&format!(r#"{{"severityNumber":{json}}}"#), &[0x10, 9]);
    }
    same(r#"{"severityNumber":"SEVERITY_NUMBER_FATAL4"}"#, &[0x10, 24]);
    same(r#"{"severityNumber":"SEVERITY_NUMBER_UNSPECIFIED"}"#, &[0x10, 0]);
    for json in ["\"INFO\"", "\"9\"", "\"SEVERITY_NUMBER_\""] {
        refused(&format!(r#"{{"severityNumber":{json}}}"#), ".severityNumber", "a severity is expected");
    }
}

#[test]
fn ids_are_hexadecimal_in_either_case() {
    let id = [0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c];
    same(r#"{"traceId":"5B8EFFF798038103D269B633813FC60C"}"#, &field(9, &id));
    same(r#"{"trace_id":"5b8efff798038103d269b633813fc60c"}"#, &field(9, &id));
    same(r#"{"spanId":""}"#, &field(10, b""));
    same(r#"{"spanId":"0a"}"#, &field(10, &[0x0a]));
    for json in ["\"8Z6uxRbeocnzqnzdSMo/BQ==\"", "\"0a1\"", "12", "null,\"traceId\":[]"] {
        refused(&format!(r#"{{"traceId":{json}}}"#), ".traceId", "an id is expected");
    }
}

#[test]
fn values_of_each_kind() {
    same(r#"{"body":{"stringValue":""}}"#, &body(&field(1, b"")));
    same(r#"{"body":{"boolValue":false}}"#, &body(&[0x10, 0]));
    same(r#"{"body":{"bytesValue":"-_8"}}"#, &body(&field(7, &[0xfb, 0xff])));
    same(r#"{"body":{"arrayValue":{}}}"#, &body(&field(5, b"")));
    let double = |value: f64| body(&[&[0x21][..], &value.to_le_bytes()].concat());
    for (json, value) in [
        ("0.25", 0.25),
        ("1", 1.0),
        ("\"1e3\"", 1000.0),
        ("\"NaN\"", f64::NAN),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
    ] {
        same(&format!(r#"{{"body":{{"doubleValue":{json}}}}}"#), &double(value));
    }
    refused(r#"{"body":{"doubleValue":1e999}}"#, ".body.doubleValue", "out of the range");
    refused(r#"{"body":{"doubleValue":"inf"}}"#, ".body.doubleValue", "a number is expected");
    refused(r#"{"body":{"boolValue":"true"}}"#, ".body.boolValue", "true or false");
    refused(r#"{"body":{"bytesValue":"%"}}"#, ".body.bytesValue", "base64");
    refused(r#"{"body":"text"}"#, ".body", "an object is expected");
    let pair = field(1, &[field(1, b"k"), field(2, &[0x18, 1])].concat());
    same(
        r#"{"body":{"kvlist_value":{"values":[{"key":"k","value":{"int_value":1}}]}}}"#,
        &body(&field(6, &pair)),
    );
}

#[test]
fn null_is_absent() {
    same(r#"{"timeUnixNano":null,"body":null,"attributes":null,"traceId":null}"#, b"");
    same(r#"{"body":{"stringValue":null,"intValue":3}}"#, &body(&[0x18, 3]));
    same(r#"{"attributes":[null,{"key":"k","value":null}]}"#, &field(6, &field(1, b"k")));
    let two = field(5, &[field(1, b""), field(1, &[0x18, 1])].concat());
    same(r#"{"body":{"arrayValue":{"values":[null,{"intValue":1}]}}}"#, &body(&two));
}

#[test]
fn unknown_names_are_ignored() {
    same(
        r#"{"novel":{"a":[1,-2.5e+3,"\u0041",true,false,null,{}]},"flags":1,"Flags":"x"}"#,
        &[0x45, 1, 0, 0, 0],
    );
    refused(&format!(r#"{{"novel":{}}}"#, "[".repeat(10_000)), "", "nested too deep");
    refused(r#"{"novel":[1,]}"#, "", "a value is expected");
}

#[test]
fn strings_without_their_escapes() {
    let text = |json: &str, expected: &str| {
        same(&format!(r#"{{"severityText":"{json}"}}"#), &field(3, expected.as_bytes()));
    };
    text(r#"\"\\\/\b\f\n\r\t\u00e9 é"#, "\"\\/\u{8}\u{c}\n\r\té é");
    text(r"\ud83d\ude00!", "😀!");
    text(r"\ud83d!", "\u{fffd}!");
    text(r"\ude00\ud83d", "\u{fffd}\u{fffd}");
    text(r"\ud83d\u0041", "\u{fffd}A");
    text(r"\u0000", "\0");
    for (json, reason) in [
        ("\\x", "an escape is not known"),
        ("\\u12g4", "four hexadecimal digits"),
        ("\n", "a control character"),
    ] {
        refused(&format!(r#"{{"severityText":"{json}"}}"#), ".severityText", reason);
    }
    refused(r#"{"severityText":7}"#, ".severityText", "a string is expected");
}

#[test]
fn bytes_that_are_no_utf8_are_kept() {
    let json = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"a"#;
    let json = [&json[..], b"\xff", br#""}]}]}]}"#].concat();
    assert_eq!(to_protobuf(&json, &Limits::default()).unwrap(), request(&field(3, b"a\xff")));
}

#[test]
fn names_that_stand_twice_follow_protobuf() {
    let times =
        |nanos: &[u64]| nanos.iter().flat_map(|time| [&[0x09][..], &time.to_le_bytes()].concat()).collect();
    let both: Vec<u8> = times(&[1, 2]);
    same(r#"{"timeUnixNano":1,"timeUnixNano":2}"#, &both);
}

#[test]
fn wrong_types_name_the_place() {
    refused(r#"{"attributes":{}}"#, ".attributes", "a list is expected");
    refused(r#"{"attributes":[{"key":"a"},7]}"#, ".attributes[1]", "an object is expected");
    refused(r#"{"attributes":[{"key":"a"} 7]}"#, ".attributes", "`,` or `]` is expected");
    let at_top = [
        ("[]", "an object is expected (at byte 0)"),
        ("", "an object is expected (at byte 0)"),
        ("{}x", "something stands behind the request (at byte 2)"),
        ("{\"resourceLogs\":[7]}", "resourceLogs[0]: an object is expected (at byte 17)"),
        ("{\"resourceLogs\":[", "resourceLogs[0]: an object is expected (at byte 17)"),
        ("{resourceLogs:[]}", "a name in quotes is expected (at byte 1)"),
        ("{\"resourceLogs\"}", "`:` is expected (at byte 15)"),
    ];
    for (json, expected) in at_top {
        let error = to_protobuf(json.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{json}");
    }
}

#[test]
fn nesting_is_limited_as_in_protobuf() {
    let lists = |levels: usize| {
        let open = r#"{"kvlistValue":{"values":[{"value":"#.repeat(levels);
        format!(r#"{{"body":{open}{{}}{}}}"#, "}]}}".repeat(levels))
    };
    // The outermost fields only.
    const DEEP: &str = ".body.kvlistValue.values[0].value.kvlistValue";
    check(&record(&lists(32)).unwrap(), &Limits::default()).unwrap();
    refused(&lists(33), DEEP, "limits.max_nesting");
    refused(&lists(10_000), DEEP, "limits.max_nesting");
    let deepest = Limits { max_nesting: u32::MAX, ..Limits::default() };
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, lists(128));
    check(&to_protobuf(json.as_bytes(), &deepest).unwrap(), &deepest).unwrap();
}
