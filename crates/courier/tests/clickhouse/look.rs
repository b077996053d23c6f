//! Looking for work.

use std::time::Duration;

use logmill_courier::clickhouse::{ClickHouse, Statement};
use logmill_courier::{Readiness, look};
use logmill_testkit::services;

use crate::support::with_tables;

const READINESS: Readiness = Readiness {
    records: 10,
    age: Duration::from_secs(9000),
    delay: Duration::from_secs(600),
    most: 100,
    instance: 0,
    instances: 1,
};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Inserts records of a stream: how many, how many seconds ago; their ids count up from `first`.
async fn records(client: &ClickHouse, bucket: &str, session: u16, ago: u64, first: u64, count: u64) {
    let sql = "INSERT INTO logs.access_logs (insertedAt, startTime, bucketName, raftSessionID, req_id) \
               SELECT now() - {ago:UInt64}, toDateTime64(1000, 3), {bucket:String}, {session:UInt16}, leftPad(toString(number), 5, '0') \
               FROM numbers({first:UInt64}, {count:UInt64})";
    let statement = Statement::new(sql).with("ago", &ago.to_string()).with("bucket", bucket);
    let statement = statement.with("session", &session.to_string()).with("first", &first.to_string());
    client.run(&statement.with("count", &count.to_string())).await.unwrap();
}

/// Writes an offset: the record of this number and age is the last that was delivered.
async fn offset(client: &ClickHouse, bucket: &str, ago: u64, last: u64, version: u64) {
    let sql = "INSERT INTO logs.offsets SELECT {bucket:String}, 0, now() - {ago:UInt64}, toDateTime64(1000, 3), \
               leftPad(toString({last:UInt64}), 5, '0'), {version:UInt64}";
    let statement = Statement::new(sql).with("bucket", bucket).with("ago", &ago.to_string());
    let statement = statement.with("last", &last.to_string()).with("version", &version.to_string());
    client.run(&statement).await.unwrap();
}

/// The buckets that are ready.
async fn ready(client: &ClickHouse, readiness: Readiness) -> Vec<String> {
    look(client, &readiness).await.unwrap().into_iter().map(|ready| ready.stream.bucket).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_ready_by_their_number_or_their_age() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    assert!(ready(&client, READINESS).await.is_empty());
    records(&client, "few and young", 0, 1200, 0, 9).await;
    records(&client, "many and young", 0, 1300, 0, 10).await;
    records(&client, "one and old", 0, 12_000, 0, 1).await;
    records(&client, "one, three days old", 0, 3 * DAY, 0, 1).await;
    records(&client, "too young", 0, 5, 0, 100).await;
    records(&client, "many, with some too young", 0, 5, 10, 5).await;
    records(&client, "many, with some too young", 0, 1400, 0, 9).await;
    // What was delivered does not count, however much it is.
    records(&client, "delivered", 0, 15_000, 0, 500).await;
    offset(&client, "delivered", 15_000, 499, 1).await;
    for (bucket, new) in [("long idle, few new", 9), ("long idle, many new", 10)] {
        records(&client, bucket, 0, 3 * DAY, 0, 500).await;
        offset(&client, bucket, 3 * DAY, 499, 1).await;
        records(&client, bucket, 0, 1000, 500, new).await;
    }
    assert_eq!(
        ready(&client, READINESS).await,
        ["one, three days old", "one and old", "many and young", "long idle, many new"]
    );
    let most = Readiness { most: 2, ..READINESS };
    assert_eq!(ready(&client, most).await, ["one, three days old", "one and old"]);
    let none = Readiness { records: 1000, age: Duration::from_secs(30 * DAY), ..READINESS };
    assert!(ready(&client, none).await.is_empty());
    let no_delay = Readiness { delay: Duration::ZERO, ..READINESS };
    assert!(ready(&client, no_delay).await.contains(&"too young".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_the_offsets_own_second_are_new_behind_it() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    // All in one second: half of them delivered.
    let sql = "INSERT INTO logs.access_logs (insertedAt, startTime, bucketName, req_id) \
               SELECT toStartOfMinute(now()) - 1200, toDateTime64(1000, 3), 'b', leftPad(toString(number), 5, '0') FROM numbers(40)";
    client.run(&Statement::new(sql)).await.unwrap();
    for (last, version) in [(35, 1), (29, 3), (10, 2)] {
        let sql = "INSERT INTO logs.offsets SELECT 'b', 0, (SELECT max(insertedAt) FROM logs.access_logs), toDateTime64(1000, 3), \
                   leftPad(toString({last:UInt64}), 5, '0'), {version:UInt64}";
        let statement = Statement::new(sql).with("last", &last.to_string());
        client.run(&statement.with("version", &version.to_string())).await.unwrap();
    }
    // The latest offset counts, which is neither the first nor the greatest: ten are left.
    assert_eq!(ready(&client, READINESS).await, ["b"]);
    assert!(ready(&client, Readiness { records: 11, ..READINESS }).await.is_empty());
    offset(&client, "b", 0, 0, 4).await;
    assert!(ready(&client, READINESS).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_the_sessions() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    for session in 0..6 {
        records(&client, &format!("b{session}"), session, 12_000, 0, 1).await;
    }
    let of = |instance| Readiness { instance, instances: 3, ..READINESS };
    assert_eq!(ready(&client, of(0)).await, ["b0", "b3"]);
    assert_eq!(ready(&client, of(2)).await, ["b2", "b5"]);
}
