//! From records to objects: look, cut, claim, fetch.

use std::time::Duration;

use logmill_courier::clickhouse::{ClickHouse, Statement};
use logmill_courier::line::Format;
use logmill_courier::object::{Built, key};
use logmill_courier::{Claim, Claims, Columns, Cut, Limits, Place, Readiness, fetch, look};
use logmill_testkit::services;

use crate::support::{columns, with_tables};

/// Numbered records of one bucket, an hour ago, in two sessions and for two targets.
const RECORDS: &str = "INSERT INTO logs.access_logs_ingest (insertedAt, startTime, bucketName, raftSessionID, req_id, userAgent, \
     loggingTargetBucket, loggingTargetPrefix, loggingEnabled) \
     SELECT now() - 3600 + intDiv(number, 30), now64(3), 'b', number % 2, toString(number), concat('\"agent\\n', toString(number)), 'logs', \
     ['a/', 'z/'][1 + intDiv(number, 2) % 2], true FROM numbers({first:UInt64}, {count:UInt64})";

const READINESS: Readiness = Readiness {
    records: 1,
    age: Duration::from_secs(900),
    delay: Duration::from_secs(60),
    most: 100,
    instance: 0,
    instances: 1,
};

async fn insert(client: &ClickHouse, first: u64, count: u64) {
    let statement = Statement::new(RECORDS).with("first", &first.to_string());
    client.run(&statement.with("count", &count.to_string())).await.unwrap();
}

/// Cuts, claims and reads back the first claim of each stream.
async fn claimed(client: &ClickHouse, columns: &Columns) -> Vec<Claim> {
    let limits = Limits { records: 1000, bytes: 1 << 20, delay: READINESS.delay };
    let cut = Cut { clickhouse: client, columns, limits, format: Format::Aws26 };
    let (claims, mut all) = (Claims::new(client, "test"), Vec::new());
    for ready in look(client, &READINESS).await.unwrap() {
        let claim = cut.next(&ready, &Place::default(), 1).await.unwrap().unwrap();
        claims.propose(&claim, 0).await.unwrap();
        all.push(claims.winner(&ready.stream, 1).await.unwrap().unwrap());
    }
    all
}

/// The objects of a claim: keys and lines.
async fn objects(client: &ClickHouse, columns: &Columns, claim: &Claim) -> Vec<(String, String)> {
    let mut objects = Vec::new();
    fetch(client, columns, claim, |built| match built {
        Built::Object { target, bytes } => {
            let key = key(claim, &claim.targets[target], 0);
            objects.push((String::from_utf8(key).unwrap(), String::from_utf8(bytes).unwrap()));
        }
        Built::Incomplete { target, found } => {
            objects.push((format!("incomplete {target}"), found.to_string()))
        }
    })
    .await
    .unwrap();
    objects
}

/// The number of a line, which stands as id and in the user agent.
fn number(line: &str) -> u64 {
    let number = line.split(' ').nth(6).unwrap();
    assert!(line.contains(&format!(r#" "\"agent\n{number}" "#)), "{line}");
    number.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_is_a_line_of_one_object_and_stays_so() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    insert(&client, 0, 100).await;
    let columns = columns(&client).await;
    let claims = claimed(&client, &columns).await;
    assert_eq!(claims.len(), 2);
    let mut numbers = Vec::new();
    for claim in &claims {
        let first = objects(&client, &columns, claim).await;
        assert_eq!(first.len(), 2);
        assert!(first[0].0.starts_with("a/") && first[1].0.starts_with("z/"));
        for (key, lines) in &first {
            let found: Vec<u64> = lines.lines().map(number).collect();
            let (session, target) = (u64::from(claim.stream.session), u64::from(key.starts_with('z')));
            assert!(found.iter().all(|n| (n % 2, n / 2 % 2) == (session, target)), "{key}: {found:?}");
            numbers.extend(found);
        }
        // Rows that come later, between the ends of the claim, change nothing.
        insert(&client, 10, 40).await;
        assert_eq!(objects(&client, &columns, claim).await, first);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    // A record that is gone takes its target's object with it, and no other.
    client
        .run(&Statement::new(
            "ALTER TABLE logs.access_logs DELETE WHERE req_id = '0' SETTINGS mutations_sync = 1",
        ))
        .await
        .unwrap();
    let of_0 = claims.iter().find(|claim| claim.stream.session == 0).unwrap();
    let after = objects(&client, &columns, of_0).await;
    assert_eq!(after[0], ("incomplete 0".to_owned(), "24".to_owned()));
    assert!(after[1].0.starts_with("z/"));
}
