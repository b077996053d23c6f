//! Cutting at the borders of records. `tests/oracle` holds that all records are there.

use super::split;
use crate::testing::field;
use crate::{Limits, check};

/// A request with a resource and a scope, and records with bodies of these lengths.
fn request(resource: usize, bodies: &[usize]) -> Vec<u8> {
    let resource = field(1, &field(1, &field(1, &vec![b'r'; resource])));
    let records: Vec<u8> =
        bodies.iter().flat_map(|&length| field(2, &field(5, &field(1, &vec![b'b'; length])))).collect();
    let scope = [field(1, &field(1, b"scope")), records, field(3, b"schema")].concat();
    [field(99, b"unknown"), field(1, &[resource, field(2, &scope)].concat())].concat()
}

fn records(body: &[u8], max: usize) -> Vec<u64> {
    let parts = split(body, max, &Limits::default()).unwrap();
    assert!(parts.iter().all(|part| part.bytes.len() <= max));
    parts.iter().map(|part| part.records).collect()
}

#[test]
fn what_fits_stays_as_it_is() {
    let body = request(10, &[100, 200]);
    let parts = split(&body, body.len() + 1, &Limits::default()).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].records, 2);
    assert_eq!(check(&parts[0].bytes, &Limits::default()).unwrap().records, 2);
    assert_eq!(parts[0].bytes.len(), body.len());
}

#[test]
fn records_go_into_parts_in_their_order() {
    let body = request(10, &[100, 100, 100, 250, 10, 10]);
    assert_eq!(records(&body, 320), [2, 1, 1, 2]);
    assert_eq!(records(&body, 400), [3, 3]);
    let parts = split(&body, 320, &Limits::default()).unwrap();
    for part in parts {
        for repeated in [&b"unknown"[..], b"rrrrrrrrrr", b"scope", b"schema"] {
            assert!(part.bytes.windows(repeated.len()).any(|bytes| bytes == repeated));
        }
    }
}

#[test]
fn exactly_the_limit_fits() {
    let body = request(10, &[300]);
    assert_eq!(records(&body, body.len()), [1]);
    let two = request(10, &[200, 200]);
    assert_eq!(records(&two, two.len()), [2]);
    assert_eq!(records(&two, two.len() - 1), [1, 1]);
    let error = split(&body, body.len() - 1, &Limits::default()).unwrap_err();
    assert!(error.reason.contains(&format!("takes {} bytes", body.len())), "{error}");
    assert_eq!(body.get(error.at..error.at + 2), Some(&[0x2a, 0xaf][..]), "the record begins there");
}

#[test]
fn a_resource_that_is_too_large_to_repeat_is_refused() {
    let body = request(600, &[10, 10, 10]);
    assert_eq!(records(&body, 2000), [3]);
    let error = split(&body, 1000, &Limits::default()).unwrap_err();
    assert!(error.reason.contains("resource and scope take"), "{error}");
}

#[test]
fn a_request_without_records_has_no_parts() {
    assert_eq!(records(&request(10, &[]), 300), [0; 0]);
    assert_eq!(records(b"", 300), [0; 0]);
}
