use std::collections::BTreeSet;

use super::{Builder, Built, key};
use crate::claim::{Claim, Kind, Place, Stream, Target};
use crate::line::Format;
use crate::testing::{Cells, encoded, read};

fn target(prefix: &str, records: u64) -> Target {
    Target {
        bucket: b"logs".to_vec(),
        prefix: prefix.as_bytes().to_vec(),
        oldest: 1_549_411_238_250,
        records,
    }
}

fn claim(hashes: &[u64], targets: &[(&str, u64)]) -> Claim {
    let targets = targets.iter().map(|(prefix, records)| target(prefix, *records)).collect();
    let stream = Stream { bucket: "photos".to_owned(), session: 7 };
    let (from, to) = (Place::default(), Place::default());
    let columns = String::new();
    Claim { stream, seq: 3, kind: Kind::Cut, from, to, hashes: hashes.to_vec(), targets, columns, format: 26 }
}

/// What is built of rows with these hashes and prefixes; the request id is the hash.
fn built(claim: &Claim, rows: &[(u64, &str)]) -> Vec<Built> {
    let (mut builder, mut built) = (Builder::new(claim, Format::Aws26), Vec::new());
    for (hash, prefix) in rows {
        let mut cells = Cells::default();
        cells[5] = Some(hash.to_string().as_str().into());
        read([&encoded(*hash, ("logs", prefix), &cells)[..]], |row| built.extend(builder.take(row))).unwrap();
    }
    built.extend(builder.end());
    built
}

/// The ids of the lines of an object.
fn ids(built: &Built) -> Vec<String> {
    let Built::Object { bytes, .. } = built else { panic!("{built:?}") };
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    lines.map(|line| line.split(' ').nth(5).unwrap().to_owned()).collect()
}

#[test]
fn each_target_has_an_object_of_its_records() {
    let claim = claim(&[5, 1, 2, 9], &[("a/", 2), ("b/", 1), ("c/", 1)]);
    let built = built(&claim, &[(1, "a/"), (2, "a/"), (5, "b/"), (9, "c/")]);
    assert_eq!(built.iter().map(ids).collect::<Vec<_>>(), [vec!["1", "2"], vec!["5"], vec!["9"]]);
}

#[test]
fn rows_that_are_not_claimed_are_left_out() {
    let claim = claim(&[2, 4], &[("a/", 2)]);
    let built = built(&claim, &[(1, ""), (1, "a/"), (2, "a/"), (3, "a/"), (4, "a/"), (5, "z/")]);
    assert_eq!(built.iter().map(ids).collect::<Vec<_>>(), [vec!["2", "4"]]);
}

#[test]
fn the_same_record_is_taken_as_often_as_it_was_claimed() {
    let claim = claim(&[2, 2, 3], &[("a/", 3)]);
    let built = built(&claim, &[(2, "a/"), (2, "a/"), (2, "a/"), (3, "a/"), (3, "a/")]);
    assert_eq!(built.iter().map(ids).collect::<Vec<_>>(), [vec!["2", "2", "3"]]);
}

#[test]
fn a_target_whose_records_are_not_all_there_has_no_object() {
    let claim = claim(&[1, 2, 3, 4], &[("a/", 2), ("b/", 1), ("c/", 1)]);
    let built = built(&claim, &[(2, "a/"), (4, "c/")]);
    assert_eq!(built[0], Built::Incomplete { target: 0, found: 1 });
    assert_eq!(built[1], Built::Incomplete { target: 1, found: 0 });
    assert_eq!(ids(&built[2]), ["4"]);
    let none = super::Builder::new(&claim, Format::Aws26).end();
    assert!((0..3).all(|target| none[target] == Built::Incomplete { target, found: 0 }), "{none:?}");
}

#[test]
fn keys_follow_from_the_claim() {
    let claim = claim(&[1], &[("access/", 1)]);
    let first = key(&claim, &claim.targets[0], 0);
    // Computed by Python's blake3 over the same bytes; a change would deliver everything that is open under another name.
    assert_eq!(String::from_utf8(first.clone()).unwrap(), "access/2019-02-06-00-00-38-A20FE732FD1B793A");
    assert_eq!(key(&claim, &claim.targets[0], 2), [&first[..], b"-2"].concat());
    let mut others = vec![claim.clone(); 5];
    others[1].seq += 1;
    others[2].stream.session += 1;
    others[3].stream.bucket = "phot".to_owned();
    others[3].targets[0].bucket = b"oslogs".to_vec();
    others[4].targets[0].prefix = b"access".to_vec();
    let keys: BTreeSet<Vec<u8>> = others.iter().map(|claim| key(claim, &claim.targets[0], 0)).collect();
    assert_eq!(keys.len(), 5);
    let mut odd = claim;
    odd.targets[0].oldest = i64::MAX;
    assert!(key(&odd, &odd.targets[0], 0).starts_with(b"access/1970-01-01-00-00-00-"));
}
