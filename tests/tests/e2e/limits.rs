//! Limits of a batch, and what is left of a lenient one.

use logmill_e2e::{Post, Setup, lines_below, records_of};
use serde_json::json;

use crate::samples::{batch, ids, padded, record, sorted};

#[test]
fn a_batch_over_a_limit_is_413_and_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["limits.max_batch_records=100", "limits.max_hours_per_batch=10", "limits.max_batch_bytes=64KiB"];
    let setup = settings.iter().fold(Setup::new(folder.path()), |setup, setting| setup.set(setting));
    let server = setup.start_ready();
    let hour = |n: usize| record(&format!("hour-{n}")).replace("-02T03:", &format!("-02T{n:02}:"));
    let hours =
        |count: usize| Post::json(format!("[{}]", (0..count).map(hour).collect::<Vec<_>>().join(",")));
    let large = padded(&ids("large", 70), 1000);
    assert!(large.body.len() > 64 * 1024);
    let over = [
        ("limits.max_batch_records", batch(&ids("many", 101))),
        ("limits.max_hours_per_batch", hours(11)),
        ("limits.max_batch_bytes", large.clone()),
        ("limits.max_batch_bytes", large.encoded("gzip")),
    ];
    for (setting, post) in over {
        let answer = server.post(&post);
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(setting), "{}", answer.text());
    }
    // Without a length the limit holds as well.
    let mut chunked = b"POST /logs HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..5 {
        chunked.extend(format!("4000\r\n{}\r\n", " ".repeat(0x4000)).as_bytes());
    }
    assert_eq!(server.connect().raw(&chunked).unwrap().status, 413);
    let most = ids("most", 100);
    assert_eq!(server.post(&batch(&most)).status, 202);
    assert_eq!(server.post(&hours(10)).status, 202);
    let _ = server.drained();
    let expected = [most, ids("hour", 10)].concat();
    assert_eq!(records_of(folder.path(), "id"), sorted(expected));
}

#[test]
fn of_a_lenient_batch_the_valid_records_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let bad = r#"{"timestamp":"yesterday","path":"/","userAgent":"u","id":"bad"}"#;
    let body = format!("[{},{bad},{},7,{}]", record("a"), record("b"), record("c"));
    let strict = server.post(&Post::json(body.clone()).with("idempotency-key", "k"));
    assert_eq!(strict.status, 400);
    let lenient = Post::json(body).with("prefer", "handling=lenient").with("idempotency-key", "k");
    let (first, second) = (server.post(&lenient), server.post(&lenient));
    assert_eq!(first.status, 202, "{}", first.text());
    let receipt = first.json();
    assert_eq!(receipt["accepted"], 3);
    let indexes: Vec<_> = receipt["errors"].as_array().unwrap().iter().map(|e| e["index"].clone()).collect();
    assert_eq!(indexes, [json!(1), json!(3)]);
    assert_eq!((second.status, &second.json()["accepted"]), (200, &json!(3)), "{}", second.text());
    let csv = "timestamp,path,userAgent,id\n2026-01-02T03:04:05Z,/,u,d\n2026-01-02T03:04:05Z,/\n2026-01-02T03:04:05Z,/,u,e\n";
    let csv = server.post(&Post::new("text/csv", csv).with("prefer", "respond-async, handling=lenient"));
    assert_eq!((csv.status, &csv.json()["accepted"]), (202, &json!(2)), "{}", csv.text());
    assert_eq!(csv.json()["errors"][0]["index"], 1);
    // An error of the body leaves open what else it holds.
    let broken = Post::json(format!("[{},{{", record("never"))).with("prefer", "handling=lenient");
    assert_eq!(server.post(&broken).status, 400);
    let row = &server.drained()["ledger"][0];
    assert_eq!(
        (&row["accepted"], &row["delivered"], &row["rejected"]),
        (&json!(8), &json!(5), &json!(3)),
        "{row}"
    );
    assert_eq!(records_of(folder.path(), "id"), ["a", "b", "c", "d", "e"]);
    assert_eq!(lines_below(folder.path()).len(), 5);
}
