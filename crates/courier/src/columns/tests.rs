use std::collections::{BTreeMap, BTreeSet};

use super::{Columns, Unsuitable, quoted};

/// The columns of the table that `courier init` makes.
const OURS: &str = "insertedAt hostname startTime requester operation requestURI errorCode referer userAgent versionId hostHeader bucketOwner clientIP \
                    objectKey awsAccessKeyID signatureVersion cipherSuite authenticationType tlsVersion aclRequired logFormatVersion objectSize \
                    bytesSent totalTime turnAroundTime httpCode bucketName req_id loggingTargetBucket loggingTargetPrefix loggingEnabled raftSessionID";

fn columns(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect()
}

#[test]
fn the_table_that_we_make_has_all() {
    let found = Columns::find("logs.access_logs", &columns(OURS), &BTreeMap::new()).unwrap();
    assert_eq!(found.of("time"), "`startTime`");
    assert_eq!(found.of("host_id"), "NULL");
    assert_eq!(found.row().len(), 3 + 27);
    let hash = "cityHash64(tuple(toUnixTimestamp(`insertedAt`), ifNull(CAST(`loggingTargetBucket` AS Nullable(String)), ''), ";
    assert!(found.row()[0].starts_with(hash), "{}", found.row()[0]);
}

#[test]
fn older_names_are_recognised() {
    let older = OURS
        .replace("raftSessionID", "raftSessionId")
        .replace("startTime", "timestamp")
        .replace("operation", "action")
        .replace("requestURI", "httpURL")
        .replace("totalTime", "elapsed_ms")
        .replace("turnAroundTime", "turnaround_ms")
        .replace("objectSize", "contentLength")
        .replace("bucketOwner", "accountName");
    let found = Columns::find("t", &columns(&older), &BTreeMap::new()).unwrap();
    for (name, column) in [
        ("session", "`raftSessionId`"),
        ("time", "`timestamp`"),
        ("operation", "`action`"),
        ("request_uri", "`httpURL`"),
        ("total_time", "`elapsed_ms`"),
        ("turn_around_time", "`turnaround_ms`"),
        ("object_size", "`contentLength`"),
        ("bucket_owner", "`accountName`"),
    ] {
        assert_eq!(found.of(name), column);
    }
}

#[test]
fn the_settings_name_columns_and_expressions() {
    let table = columns(&format!("{OURS} odd`name"));
    let ours =
        said(&[("host_id", "odd`name"), ("requester", "upper(requester)"), ("source_region", "'eu-1'")]);
    let found = Columns::find("t", &table, &ours).unwrap();
    assert_eq!(found.of("host_id"), "`odd\\`name`");
    assert_eq!(found.of("requester"), "(upper(requester))");
    assert_eq!(found.of("source_region"), "('eu-1')");
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let table =
        columns(&OURS.replace("insertedAt", "").replace("userAgent", "").replace("raftSessionID", ""));
    let missing = Columns::find("logs.found", &table, &BTreeMap::new()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "logs.found has no column for inserted_at, session, user_agent; name one, or an expression, with courier.columns.inserted_at, \
         courier.columns.session, courier.columns.user_agent"
    );
    let unknown = Columns::find("t", &columns(OURS), &said(&[("usr_agent", "x")])).unwrap_err();
    assert!(matches!(&unknown, Unsuitable::Unknown { unknown } if unknown == &["usr_agent"]));
    assert!(
        unknown
            .to_string()
            .starts_with("there is no field courier.columns.usr_agent; there are inserted_at, session, ")
    );
}

#[test]
fn names_are_quoted() {
    assert_eq!(quoted("a"), "`a`");
    assert_eq!(quoted(r"a`b\c"), r"`a\`b\\c`");
}
