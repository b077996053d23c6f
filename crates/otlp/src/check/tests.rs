//! What is refused, and where the sender is told to look.

use super::{Summary, check};
use crate::testing::{field, nested, request};
use crate::{Limits, MAX_NESTING};

fn refusal(body: &[u8]) -> String {
    check(body, &Limits::default()).unwrap_err().to_string()
}

#[test]
fn an_empty_request_is_valid() {
    assert_eq!(check(b"", &Limits::default()).unwrap(), Summary::default());
    assert_eq!(check(&field(1, b""), &Limits::default()).unwrap(), Summary::default());
}

#[test]
fn times_are_those_of_the_event_or_else_of_its_observation() {
    let time = |tag: u8, nanos: u64| [&[tag][..], &nanos.to_le_bytes()].concat();
    let records = [time(0x09, 50), [time(0x59, 7), time(0x09, 20)].concat(), time(0x59, 90), Vec::new()];
    let records: Vec<u8> = records.iter().flat_map(|record| field(2, record)).collect();
    let summary = check(&field(1, &field(2, &records)), &Limits::default()).unwrap();
    assert_eq!((summary.records, summary.span), (4, Some((20, 90))));
}

#[test]
fn the_place_is_named() {
    let bad = field(2, &field(6, &[0x08, 0x01]));
    let scopes = [field(2, &field(2, b"")), field(2, &[field(2, b""), bad].concat())].concat();
    let body = [field(1, b""), field(1, &scopes)].concat();
    assert_eq!(
        refusal(&body),
        "resource_logs[1].scope_logs[1].log_records[1].attributes: field 1 has the wrong wire type 0 (at byte 17)"
    );
    assert_eq!(body.get(16), Some(&0x08));
}

#[test]
fn wire_types_of_known_fields_are_checked() {
    let known: [(&[u8], &str); 11] = [
        (&[0x08, 0x01], "field 1"),
        (&[0x12, 0x00], "field 2"),
        (&[0x18, 0x00], "field 3"),
        (&[0x28, 0x00], "field 5"),
        (&[0x30, 0x00], "field 6"),
        (&[0x3a, 0x00], "field 7"),
        (&[0x40, 0x00], "field 8"),
        (&[0x48, 0x00], "field 9"),
        (&[0x53, 0x54], "field 10"),
        (&[0x58, 0x00], "field 11"),
        (&[0x60, 0x00], "field 12"),
    ];
    for (record, name) in known {
        let refusal = refusal(&request(record));
        assert!(refusal.contains(&format!("{name} has the wrong wire type")), "{refusal}");
    }
}

#[test]
fn unknown_fields_are_skipped() {
    // 4 is reserved; 13 and 2000 are of no known version.
    let record = [&[0x22, 0x01, b'x', 0x68, 0x05, 0x6b, 0x08, 0x01, 0x6c][..], &field(2000, b"new")].concat();
    assert_eq!(check(&request(&record), &Limits::default()).unwrap().records, 1);
}

#[test]
fn nesting_is_limited() {
    let limits = |max_nesting| Limits { max_nesting, ..Limits::default() };
    let body = |levels| request(&field(5, &nested(levels)));
    check(&body(32), &limits(32)).unwrap();
    let error = check(&body(33), &limits(32)).unwrap_err();
    assert_eq!(error.path, "resource_logs[0].scope_logs[0].log_records[0].body");
    assert!(error.reason.contains("limits.max_nesting"), "{error}");
    check(&body(MAX_NESTING as usize), &limits(u32::MAX)).unwrap();
    check(&body(MAX_NESTING as usize + 1), &limits(u32::MAX)).unwrap_err();
}

#[test]
fn ten_thousand_levels_are_an_error() {
    let attribute = field(6, &field(2, &nested(10_000)));
    assert!(refusal(&request(&attribute)).contains("nested too deep"));
    let groups = [vec![0x6b; 10_000], vec![0x6c; 10_000]].concat();
    assert!(refusal(&request(&groups)).contains("nested too deep"));
}

#[test]
fn a_large_resource_with_many_records_is_refused() {
    let resource = field(1, &field(1, &field(1, &[b'k'; 1000])));
    let records: Vec<u8> = [0x12, 0x00].repeat(1000);
    let body = field(1, &[resource, field(2, &records)].concat());
    let summary = check(&body, &Limits::default()).unwrap();
    // The resource's message has 1006 bytes.
    assert_eq!((summary.records, summary.expanded), (1000, 1_006_000));
    let limits = Limits { max_expanded: 1_005_999, ..Limits::default() };
    let error = check(&body, &limits).unwrap_err();
    assert_eq!(error.path, "");
    assert!(error.reason.contains("1006000 bytes"), "{error}");
}

#[test]
fn strings_that_are_no_utf8_and_ids_of_any_length_are_taken() {
    let record = [field(3, &[0xff]), field(9, b"abc"), field(12, &[0xc3, 0x28])].concat();
    assert_eq!(check(&request(&record), &Limits::default()).unwrap().records, 1);
}
