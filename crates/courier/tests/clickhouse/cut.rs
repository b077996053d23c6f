//! Cutting claims.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use logmill_courier::clickhouse::Statement;
use logmill_courier::line::Format;
use logmill_courier::{Claim, Cut, Limits, Place, Ready, Stream};
use logmill_testkit::services;

use crate::support::{columns, with_tables};

/// Five seconds, a day ago, of 20 records each, four of which share each place; two targets; texts of a hundred bytes.
const RECORDS: &str = "INSERT INTO logs.access_logs (insertedAt, startTime, bucketName, req_id, userAgent, objectKey, loggingTargetBucket, loggingTargetPrefix) \
     SELECT toDateTime({base:UInt32} + intDiv(number, 20)), fromUnixTimestamp64Milli(1600000000000 - toInt64(number % 20)), 'b', \
     toString(intDiv(number, 4)), repeat('x', 100), toString(number), 'logs', ['a/', 'b\\xff/'][1 + intDiv(number, 4) % 2] FROM numbers(100) \
     SETTINGS max_insert_threads = 1";

const ALL: Limits = Limits { records: 1000, bytes: 1 << 20, delay: Duration::from_secs(60) };

/// A second of yesterday: what is older than a week is gone.
fn yesterday() -> u32 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    (now - 86_400) as u32
}

/// The claims of all records, one behind the other; `base` is the first second.
async fn claims(limits: Limits, base: u32) -> Vec<Claim> {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    // Equal places: the time counts per group of four.
    let records = RECORDS.replace("toInt64(number % 20)", "toInt64(intDiv(number, 4) % 5)");
    client.run(&Statement::new(records).with("base", &base.to_string())).await.unwrap();
    let columns = columns(&client).await;
    let cut = Cut { clickhouse: &client, columns: &columns, limits, format: Format::Aws26 };
    let ready = Ready { stream: Stream { bucket: "b".to_owned(), session: 0 }, since: base };
    let (mut claims, mut from): (Vec<Claim>, _) = (Vec::new(), Place::default());
    while let Some(claim) = cut.next(&ready, &from, claims.len() as u64 + 1).await.unwrap() {
        assert_eq!((&claim.from, claim.seq), (&from, claims.len() as u64 + 1));
        assert!(claim.to > from, "{:?} > {from:?}", claim.to);
        from = claim.to.clone();
        claims.push(claim);
    }
    claims
}

fn sizes(claims: &[Claim]) -> Vec<usize> {
    claims.iter().map(|claim| claim.hashes.len()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_are_claimed_once_and_equal_places_together() {
    let base = yesterday();
    let whole = claims(ALL, base).await;
    assert_eq!(sizes(&whole), [100]);
    assert_eq!(whole[0].hashes.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(
        whole[0].to,
        Place { inserted_at: base + 4, start_time: 1_600_000_000_000, req_id: b"20".to_vec() }
    );
    let targets: Vec<_> =
        whole[0].targets.iter().map(|t| (&*t.bucket, &*t.prefix, t.oldest, t.records)).collect();
    assert_eq!(
        targets,
        [(&b"logs"[..], &b"a/"[..], 1_599_999_999_996, 52), (b"logs", b"b\xff/", 1_599_999_999_996, 48)]
    );
    // Ten would end in the middle of four that share a place.
    let by_number = claims(Limits { records: 10, ..ALL }, base).await;
    assert_eq!(sizes(&by_number), [12, 12, 12, 12, 12, 12, 12, 12, 4]);
    // Each has a hundred bytes of user agent, and something more: five fit, four end at a place.
    let by_bytes = claims(Limits { bytes: 1200, ..ALL }, base).await;
    assert_eq!(sizes(&by_bytes), [4; 25]);
    // Less than one record has: it goes with those that share its place.
    let alone = claims(Limits { bytes: 1, ..ALL }, base).await;
    assert_eq!(sizes(&alone), [4; 25]);
    for cut in [by_number, by_bytes, alone] {
        let mut hashes: Vec<u64> = cut.iter().flat_map(|claim| claim.hashes.clone()).collect();
        let mut all = whole[0].hashes.clone();
        hashes.sort_unstable();
        all.sort_unstable();
        assert_eq!(hashes, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_young_is_left() {
    let never = claims(Limits { delay: Duration::from_secs(100_000), ..ALL }, yesterday()).await;
    assert!(never.is_empty());
}
