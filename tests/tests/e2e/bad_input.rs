//! Bodies and headers that must not be taken: the right status, the reason, nothing stored, and the server goes on.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use logmill_e2e::{Answer, Post, Server, Setup, lines_below, records_of};
use serde_json::{Value, json};

use crate::samples::{batch, ids, record, sorted};

const RECORD: &str = r#"{"timestamp":"2026-01-02T03:04:05Z","method":"GET","path":"/","userAgent":"t"}"#;

/// A record's error: index, field and a part of the reason.
type Told = (Value, Value, &'static str);

fn told(index: u32, field: &str, reason: &'static str) -> Told {
    (index.into(), if field.is_empty() { Value::Null } else { field.into() }, reason)
}

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for field in ["type", "title", "detail"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {problem}");
    }
}

/// Nothing but `good` was stored, and the server still works.
fn goes_on(server: &Server, dir: &Path, mut good: Vec<String>) {
    let last = ids("last", 3);
    assert_eq!(server.post(&batch(&last)).status, 202);
    good.extend(last);
    let ledger = server.drained();
    assert_eq!(ledger["ledger"][0]["accepted"], good.len());
    assert_eq!(records_of(dir, "id"), sorted(good));
    assert_eq!(server.get("/readyz").status, 200);
}

/// Each of these bodies is refused with 400, and the first error is told.
#[allow(clippy::too_many_lines)] // A table.
fn refused_bodies() -> Vec<(&'static str, &'static str, Vec<u8>, Told)> {
    let (json, ndjson, csv) = ("application/json", "application/x-ndjson", "text/csv");
    let one = |fields: &str| format!("[{RECORD},{{{fields}}}]").into_bytes();
    let t = r#""timestamp":"2026-01-02T03:04:05Z""#;
    let rest = r#""path":"/","userAgent":"u""#;
    let at = |time: &str| one(&format!(r#""timestamp":"{time}",{rest}"#));
    let row = "2026-01-02T03:04:05Z";
    let deep = format!(r#"[{{{t},{rest},"x":{}{}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
    let long = "x".repeat(8193);
    vec![
        ("no JSON", json, b"nonsense".to_vec(), (Value::Null, Value::Null, "expected `[`")),
        ("an object", json, RECORD.into(), (Value::Null, Value::Null, "expected `[`")),
        ("an empty body", json, Vec::new(), (Value::Null, Value::Null, "")),
        (
            "cut short",
            json,
            format!("[{RECORD},").into(),
            (Value::Null, Value::Null, "expected a JSON value"),
        ),
        ("no object", json, format!("[{RECORD},7]").into(), told(1, "", "must be a JSON object")),
        ("deep in a record", json, deep.into(), told(0, "", "nested deeper than 64")),
        ("deep", json, "[".repeat(100_000).into(), (Value::Null, Value::Null, "expected a JSON value")),
        (
            "deep objects",
            json,
            [&b"["[..], &br#"{"a":"#.repeat(100_000)].concat(),
            (Value::Null, Value::Null, "expected a JSON value"),
        ),
        (
            "not UTF-8",
            json,
            [b"[", RECORD.as_bytes(), b",{\"path\":\"\xff\xfe\"}]"].concat(),
            (Value::Null, Value::Null, "UTF-8"),
        ),
        (
            "an overlong form",
            csv,
            b"timestamp,path,userAgent\n2026-01-02T03:04:05Z,/\xc0\xaf,u\n".to_vec(),
            (Value::Null, Value::Null, "UTF-8"),
        ),
        (
            "NUL in JSON",
            json,
            one(&format!("{t},\"path\":\"/\0\",\"userAgent\":\"u\"")),
            (Value::Null, Value::Null, "control character"),
        ),
        ("NUL in CSV", csv, format!("timestamp,path,userAgent\n{row},/\0,u\n").into(), told(0, "", "NUL")),
        (
            "a lone surrogate",
            json,
            one(&format!(r#"{t},"path":"/\ud800","userAgent":"u""#)),
            told(1, "", "surrogate"),
        ),
        ("a key twice", json, one(&format!(r#"{t},{rest},"a":1,"a":2"#)), told(1, "", "`a` stands twice")),
        (
            "a key twice, escaped",
            json,
            one(&format!(r#"{t},{rest},"p\u0061th":"/""#)),
            told(1, "", "stands twice"),
        ),
        (
            "a key twice, inside",
            json,
            one(&format!(r#"{t},{rest},"o":{{"b":1,"b":1}}"#)),
            told(1, "", "`b` stands twice"),
        ),
        (
            "both times",
            json,
            one(&format!(r#"{t},"receivedAt":"2026-01-02T03:04:05Z",{rest}"#)),
            told(1, "timestamp", "alias"),
        ),
        (
            "a number as path",
            json,
            one(&format!(r#"{t},"path":7,"userAgent":"u""#)),
            told(1, "path", "must be a string"),
        ),
        (
            "a number as userAgent",
            json,
            one(&format!(r#"{t},"path":"/","userAgent":7"#)),
            told(1, "userAgent", "must be a string"),
        ),
        (
            "a number as time",
            json,
            one(&format!(r#""timestamp":1735787045,{rest}"#)),
            told(1, "timestamp", "must be a string"),
        ),
        (
            "a list as method",
            json,
            one(&format!(r#"{t},{rest},"method":["GET"]"#)),
            told(1, "method", "must be a string"),
        ),
        ("no time", json, one(rest), told(1, "timestamp", "is missing")),
        ("no path", json, one(&format!(r#"{t},"userAgent":"u""#)), told(1, "path", "is missing")),
        (
            "no userAgent",
            ndjson,
            format!("{RECORD}\n{{{t},\"path\":\"/\"}}\n").into(),
            told(1, "userAgent", "is missing"),
        ),
        ("an empty path", json, one(&format!(r#"{t},"path":"","userAgent":"u""#)), told(1, "path", "empty")),
        (
            "a long path",
            json,
            one(&format!(r#"{t},"path":"{long}","userAgent":"u""#)),
            told(1, "path", "8192"),
        ),
        ("no method", json, one(&format!(r#"{t},{rest},"method":"GE T""#)), told(1, "method", "HTTP method")),
        ("year 0", json, at("0000-01-01T00:00:00Z"), told(1, "timestamp", "1970 to 9999")),
        ("year 1969", json, at("1969-12-31T23:59:59Z"), told(1, "timestamp", "1970 to 9999")),
        ("year 10000 in UTC", json, at("9999-12-31T23:30:00-01:00"), told(1, "timestamp", "1970 to 9999")),
        ("a day that is none", json, at("2026-02-30T00:00:00Z"), told(1, "timestamp", "does not exist")),
        ("no offset", json, at("2026-01-02T03:04:05"), told(1, "timestamp", "RFC 3339")),
        ("ten digits", json, at("2026-01-02T03:04:05.1234567890Z"), told(1, "timestamp", "9 digits")),
        ("not NDJSON", ndjson, format!("{RECORD}\n[{RECORD}]\n").into(), told(1, "", "")),
        (
            "no column",
            csv,
            format!("timestamp,path\n{row},/\n").into(),
            (Value::Null, "userAgent".into(), "userAgent"),
        ),
        (
            "no header row",
            csv,
            format!("{row},/,u\n").into(),
            (Value::Null, "timestamp".into(), "must name the column `timestamp`"),
        ),
        (
            "a ragged row",
            csv,
            format!("timestamp,path,userAgent\n{row},/,u\n{row},/\n").into(),
            told(1, "", "another number of cells: 2"),
        ),
        (
            "a longer row",
            csv,
            format!("timestamp,path,userAgent\n{row},/,u,v\n").into(),
            told(0, "", "another number of cells: 4"),
        ),
        (
            "an open quote",
            csv,
            format!("timestamp,path,userAgent\n{row},\"/,u\n").into(),
            (Value::Null, Value::Null, "closing quote"),
        ),
        (
            "a column twice",
            csv,
            format!("timestamp,path,userAgent,path\n{row},/,u,/\n").into(),
            (Value::Null, Value::Null, "twice"),
        ),
    ]
}

#[test]
fn a_bad_body_is_400_with_the_reason_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let mut wrong = Vec::new();
    for (name, kind, body, (index, field, reason)) in refused_bodies() {
        let answer = server.post(&Post::new(kind, body));
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        is_problem(&answer, 400);
        let problem = answer.json();
        let first = &problem["errors"][0];
        let told = first["reason"].as_str().is_some_and(|text| !text.is_empty() && text.contains(reason));
        if !told || (&first["index"], &first["field"]) != (&index, &field) {
            wrong.push(format!("{name}: {index} {field} {reason:?}: {problem}"));
        }
        assert_eq!(server.get("/healthz").status, 200, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    goes_on(&server, folder.path(), Vec::new());
}

#[test]
fn ten_errors_are_told_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let records = vec![r#"{"path":"/"}"#; 30].join(",");
    let problem = server.post(&Post::json(format!("[{RECORD},{records}]"))).json();
    let indexes: Vec<u64> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, (1..=10).collect::<Vec<_>>());
    goes_on(&server, folder.path(), Vec::new());
}

#[test]
fn a_damaged_or_swollen_stream_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let good = batch(&ids("never", 200));
    for coding in ["gzip", "deflate", "zstd"] {
        let whole = good.clone().encoded(coding);
        for len in [0, 1, 5, whole.body.len() / 2, whole.body.len() - 1] {
            let mut cut = whole.clone();
            cut.body.truncate(len);
            let answer = server.post(&cut);
            assert_eq!(answer.status, 400, "{coding} cut at {len} of {}", whole.body.len());
            is_problem(&answer, 400);
        }
        let mut flipped = whole.clone();
        let middle = flipped.body.len() / 2;
        flipped.body[middle] ^= 0x10;
        let answer = server.post(&flipped);
        assert_eq!(answer.status, 400, "{coding} with a changed bit");
        is_problem(&answer, 400);
        let mut plain = good.clone().with("content-encoding", coding);
        plain.body = b"[]".to_vec();
        is_problem(&server.post(&plain), 400);
    }
    // 1,000 to 1 and more: 64 MiB of blanks.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < (64 << 20) / 1000);
    let zstd = zstd::encode_all(&*vec![b' '; 64 << 20], 3).unwrap();
    for (coding, body) in [("gzip", bomb), ("zstd", zstd)] {
        is_problem(&server.post(&Post::json(body).with("content-encoding", coding)), 413);
    }
    goes_on(&server, folder.path(), Vec::new());
}

#[test]
fn a_stream_that_ends_between_two_records_is_cut_short_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let line = record("never") + "\n";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    // What is flushed can be inflated, though the stream has not ended.
    gzip.write_all(line.as_bytes()).and_then(|()| gzip.flush()).unwrap();
    zlib.write_all(line.as_bytes()).and_then(|()| zlib.flush()).unwrap();
    zstd.write_all(line.as_bytes()).and_then(|()| zstd.flush()).unwrap();
    let streams = [("gzip", gzip.get_ref()), ("deflate", zlib.get_ref()), ("zstd", zstd.get_ref())];
    for (coding, body) in streams {
        let post = Post::new("application/x-ndjson", body.clone()).with("content-encoding", coding);
        let answer = server.post(&post);
        assert_eq!(answer.status, 400, "{coding}: {}", answer.text());
    }
    goes_on(&server, folder.path(), Vec::new());
}

#[test]
fn a_bad_header_is_400_before_the_body_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let post = || batch(&ids("never", 2));
    let long = "x".repeat(65);
    for customer in ["..", ".", "a/b", "%2e%2e", "", "a b", "ä", "a\\b", &long] {
        is_problem(&server.post(&post().with("x-customer-id", customer)), 400);
    }
    is_problem(&server.post(&post().with("x-customer-id", "a").with("x-customer-id", "b")), 400);
    let long = "k".repeat(256);
    for key in ["", "a b", "ä", "a\tb", &long] {
        is_problem(&server.post(&post().with("idempotency-key", key)), 400);
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .all(|name| ["LOCK", "analytics", "lake", "logs", "queue"].iter().any(|known| name == *known)),
        "{names:?}"
    );
    let longest = ids("longest", 2);
    assert_eq!(server.post(&batch(&longest).with("idempotency-key", &long[1..])).status, 202);
    goes_on(&server, folder.path(), longest);
}

#[test]
fn a_wrong_method_type_or_encoding_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!("{method} /logs HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
        let answer = server.connect().raw(request.as_bytes()).unwrap();
        is_problem(&answer, 405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let body = format!("[{}]", record("never"));
    for kind in ["text/plain", "application/xml", "application/jsonx", "application/json; charset=utf-16"] {
        is_problem(&server.post(&Post::new(kind, body.clone())), 415);
    }
    is_problem(&server.post(&Post { headers: Vec::new(), body: body.clone().into() }), 415);
    for coding in ["br", "gzip, gzip", "compress", "nonsense"] {
        is_problem(&server.post(&Post::json(body.clone()).with("content-encoding", coding)), 415);
    }
    assert_eq!(server.get("/nothing").status, 404);
    goes_on(&server, folder.path(), Vec::new());
}

#[test]
fn what_is_strange_and_allowed_is_taken_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let empty = server.post(&Post::json("[]"));
    assert_eq!((empty.status, &empty.json()["accepted"]), (202, &json!(0)));
    let at = |time: &str, id: &str| record(id).replace("2026-01-02T03:04:05Z", time);
    let cases = [
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z", "9999-12-31/23"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01/00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z", "2016-12-31/23"),
        ("2026-01-01T00:30:00.10+01:00", "2025-12-31T23:30:00.10Z", "2025-12-31/23"),
        ("2026-01-01t00:30:00z", "2026-01-01T00:30:00Z", "2026-01-01/00"),
    ];
    for (n, (sent, ..)) in cases.iter().enumerate() {
        let body = format!("\u{feff}[{}]", at(sent, &n.to_string()));
        assert_eq!(server.post(&Post::json(body)).status, 202, "{sent}");
    }
    let csv = "\u{feff}id,userAgent,path,timestamp,method,note\r\ncsv,,\"/a\"\"b,\r\nc\",2026-01-02T03:04:05Z,,1.0\r\n";
    assert_eq!(server.post(&Post::new("text/csv", csv)).status, 202);
    let exact = r#"{"timestamp":"2026-01-02T03:04:05Z","path":"/\u0000","userAgent":"","id":"exact","n":1.0,"big":18446744073709551617,"e":1E+2,"o":{"z":[1.10]}}"#;
    assert_eq!(server.post(&Post::new("application/x-ndjson", format!("{exact}\n\n"))).status, 202);
    assert_eq!(
        server.post(&Post::json(format!("[{}]", record("named"))).with("x-customer-id", "default")).status,
        202
    );
    let _ = server.drained();
    let lines = lines_below(folder.path());
    for (n, (_, written, hour)) in cases.iter().enumerate() {
        let name = n.to_string();
        let line = lines.iter().find(|line| line.record["id"] == *name).unwrap();
        assert_eq!(line.record["timestamp"], *written);
        assert_eq!(line.file, format!("{hour}.log.json"));
    }
    let csv = lines.iter().find(|line| line.record["id"] == "csv").unwrap();
    assert_eq!(csv.record["path"], "/a\"b,\r\nc");
    assert_eq!((&csv.record["note"], csv.record.get("method")), (&json!("1.0"), None));
    let text = std::fs::read_to_string(folder.path().join("logs/2026-01-02/03.log.json")).unwrap();
    assert!(text.lines().any(|line| line == exact), "numbers and escapes as they came:\n{text}");
    assert!(lines.iter().any(|line| line.record["id"] == "named" && line.file == "2026-01-02/03.log.json"));
}
