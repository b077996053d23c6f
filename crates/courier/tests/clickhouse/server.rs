//! Statements, tables and claims.

use std::collections::BTreeSet;
use std::sync::Arc;

use logmill_courier::clickhouse::Statement;
use logmill_courier::rows::Rows;
use logmill_courier::{Claim, ClaimKind, Claims, FIELDS, Place, Stream, Target, line};
use logmill_queue::Class;
use logmill_testkit::services;
use serde::Deserialize;

use crate::support::{client, columns, with_tables};

#[derive(Debug, Deserialize, PartialEq)]
struct Said {
    text: String,
    number: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_data_whatever_is_in_them() {
    let server = services::clickhouse::ClickHouse::start();
    let client = client(&[server.endpoint()], "");
    for text in
        ["", "'; DROP TABLE x; --", "a\\b\tc\nd\re\0f\u{1b}", "größe \u{2028}", "\\N", "{name:String}"]
    {
        let asked = Statement::new("SELECT {text:String} AS text, {number:UInt64} AS number");
        let asked = asked.with("text", text).with("number", "18446744073709551615");
        let said: Vec<Said> = client.rows(&asked).await.unwrap();
        assert_eq!(said, [Said { text: text.to_owned(), number: u64::MAX }]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_passed_over_and_errors_say_what_to_do() {
    let server = services::clickhouse::ClickHouse::start();
    let nobody = "http://127.0.0.1:9".to_owned();
    let one = Statement::new("SELECT 'x' AS text, 1 AS number");
    let both = client(&[nobody.clone(), server.endpoint()], "");
    assert_eq!(both.rows::<Said>(&one).await.unwrap().len(), 1);
    let away = client(&[nobody], "").run(&one).await.unwrap_err();
    assert_eq!(away.class, Class::Unavailable);
    assert!(away.to_string().contains("127.0.0.1:9"), "{away}");
    let unknown = both.run(&Statement::new("SELECT * FROM logs.none")).await.unwrap_err();
    assert_eq!(unknown.class, Class::Invalid, "{unknown}");
    assert!(unknown.to_string().contains("UNKNOWN_"), "{unknown}");
    let wrong = client(&[server.endpoint()], "secret").run(&one).await.unwrap_err();
    assert_eq!(wrong.class, Class::Invalid);
    assert!(
        wrong.to_string().contains("AUTHENTICATION_FAILED") && !wrong.to_string().contains("secret"),
        "{wrong}"
    );
}

/// Three records through the door for writers, and one of a bucket without logging.
const RECORDS: &str = "INSERT INTO logs.access_logs_ingest (startTime, bucketOwner, bucketName, operation, requestURI, httpCode, bytesSent, objectSize, \
     totalTime, userAgent, req_id, loggingTargetBucket, loggingTargetPrefix, loggingEnabled) VALUES \
     (toDateTime64('2019-02-06 00:00:38.250', 3, 'UTC'), 'owner', 'b', 'REST.GET.OBJECT', 'GET /b/a\"b HTTP/1.1', 200, 0, 18446744073709551615, 1.5, \
     'a\\nb', 'r1', 'logs', 'p/', true), (toDateTime64('1970-01-01 00:00:00', 3, 'UTC'), NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', '', true), \
     (toDateTime64('1970-01-01 00:00:00', 3, 'UTC'), '', '', '', '', 0, 0, 0, 0, '', '', '', '', true), \
     (toDateTime64('1970-01-01 00:00:00', 3, 'UTC'), 'not logged', '', '', '', 0, 0, 0, 0, '', '', '', '', false)";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_let_in_is_seen_of_its_stream() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Seen {
        bucket: String,
        last: String,
        hours: u64,
    }
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    client.run(&Statement::new(RECORDS)).await.unwrap();
    let seen = |bucket: &str, last: &str| Seen { bucket: bucket.to_owned(), last: last.to_owned(), hours: 1 };
    for (table, hours) in [("streams", "1"), ("stream_hours", "uniqExact(hour)")] {
        let sql = format!(
            "SELECT bucketName AS bucket, max(last).3 AS last, {hours} AS hours FROM logs.{table} GROUP BY bucketName ORDER BY bucketName"
        );
        let found = client.rows::<Seen>(&Statement::new(sql)).await.unwrap();
        assert_eq!(found, [seen("", ""), seen("b", "r1")], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_lines() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    client.run(&Statement::new(RECORDS)).await.unwrap();
    let columns = columns(&client).await;
    let sql = format!(
        "SELECT {} FROM logs.access_logs ORDER BY req_id DESC, bucketOwner FORMAT RowBinary",
        columns.row().join(", ")
    );
    let mut answer = client.ask(&Statement::new(sql)).await.unwrap();
    let (mut rows, mut lines, mut hashes) = (Rows::default(), Vec::new(), BTreeSet::new());
    while let Some(piece) = answer.piece().await.unwrap() {
        let taken = rows.push(&piece, |row| {
            assert_eq!(row.cells.len(), FIELDS.len());
            hashes.insert(row.hash);
            line::write(row, line::Format::Aws26, &mut lines);
        });
        taken.unwrap();
    }
    rows.end().unwrap();
    let nothing =
        "- - [01/Jan/1970:00:00:00 +0000] - - - - - \"-\" - - - - - - \"-\" \"-\" - - - - - - - - -\n";
    let expected = [
        "owner b [06/Feb/2019:00:00:38 +0000] - - r1 REST.GET.OBJECT - \"GET /b/a\\\"b HTTP/1.1\" 200 - - 18446744073709551615 1.5 - \"-\" \
         \"a\\nb\" - - - - - - - - -\n",
        // An empty text and none look alike in a line; zeros do not.
        "- - [01/Jan/1970:00:00:00 +0000] - - - - - \"-\" 0 - - 0 0 - \"-\" \"-\" - - - - - - - - -\n",
        nothing,
    ];
    assert_eq!(String::from_utf8(lines).unwrap(), expected.concat());
    // They are different records all the same.
    assert_eq!(hashes.len(), 3);
}

fn claim(seq: u64, columns: &str) -> Claim {
    let place =
        |inserted_at, start_time, req_id: &[u8]| Place { inserted_at, start_time, req_id: req_id.to_vec() };
    let target = |bucket: &[u8], prefix: &[u8], oldest, records| Target {
        bucket: bucket.to_vec(),
        prefix: prefix.to_vec(),
        oldest,
        records,
    };
    Claim {
        stream: Stream { bucket: "it's \\ a\tbucket".to_owned(), session: u16::MAX },
        seq,
        kind: ClaimKind::Late(u64::MAX),
        from: place(0, -1, b""),
        to: place(u32::MAX, 4_102_444_800_123, b"\xff\0'"),
        hashes: (0..100_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect(),
        targets: vec![target(b"", b"", 0, 1), target(b"logs", b"p/\xfe\n", 1_549_411_238_250, 99_999)],
        columns: columns.to_owned(),
        format: 27,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_read_as_it_was_made() {
    let server = services::clickhouse::ClickHouse::start();
    let client = with_tables(&server).await;
    let claims = Claims::new(&client, "one");
    let claim = claim(7, "`a`, `größe`");
    assert_eq!(claims.winner(&claim.stream, 7).await.unwrap(), None);
    claims.propose(&claim, 0).await.unwrap();
    assert_eq!(claims.winner(&claim.stream, 7).await.unwrap(), Some(claim.clone()));
    assert_eq!(claims.winner(&claim.stream, 8).await.unwrap(), None);
    let other = Stream { session: 0, ..claim.stream };
    assert_eq!(claims.winner(&other, 7).await.unwrap(), None);
}

/// What everything else stands on: of claims with one number the first wins, whatever they say, whenever they come.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_with_one_number_the_first_stands() {
    let server = services::clickhouse::ClickHouse::start();
    let client = Arc::new(with_tables(&server).await);
    let rivals = (0..20).map(|rival| {
        let client = client.clone();
        tokio::spawn(
            async move { Claims::new(&client, "rival").propose(&claim(1, &rival.to_string()), 0).await },
        )
    });
    for rival in rivals.collect::<Vec<_>>() {
        rival.await.unwrap().unwrap();
    }
    let claims = Claims::new(&client, "late");
    let stream = claim(1, "").stream;
    let first = claims.winner(&stream, 1).await.unwrap().unwrap();
    for later in 20..23 {
        claims.propose(&claim(1, &later.to_string()), 0).await.unwrap();
        assert_eq!(claims.winner(&stream, 1).await.unwrap().unwrap().columns, first.columns);
        server.restart();
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Rows {
        rows: u64,
    }
    let rows = Statement::new("SELECT count() AS rows FROM logs.batches");
    assert_eq!(client.rows::<Rows>(&rows).await.unwrap(), [Rows { rows: 1 }]);
    // The next attempt is another claim of the number, and does not win.
    claims.propose(&claim(1, "again"), 1).await.unwrap();
    assert_eq!(client.rows::<Rows>(&rows).await.unwrap(), [Rows { rows: 2 }]);
    assert_eq!(claims.winner(&stream, 1).await.unwrap().unwrap().columns, first.columns);
}
