//! What gets no answer, or only a part of one.

use std::io::Read;

use logmill_e2e::Setup;

use super::{ask, query, send, setup, text};

#[test]
fn a_folder_without_a_lake_is_empty_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        query(folder.path(), "SELECT service_name, count(*) AS n FROM logs GROUP BY 1", &["--format", "csv"]);
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(0), "service_name,n\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "looking makes nothing");
}

#[test]
fn what_is_wrong_is_said_with_the_exit_code_and_nothing_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (sql, options, code, part) in [
        ("SELECT * FROM log", &[][..], 64, "did you mean `logs`?"),
        ("SELECT servce_name FROM logs", &[], 64, "did you mean `service_name`?"),
        ("SELECT *\nFROM logs WHERE )", &[], 64, "line 2"),
        ("DELETE FROM logs", &[], 64, "DELETE is not a query"),
        ("COPY logs TO '/tmp/x.csv'", &[], 64, "COPY is not a query"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", &[], 64, "CREATE is not a query"),
        ("SELECT * FROM '/etc/passwd'", &[], 64, "there is no table"),
        ("VALUES (1), (2), (3)", &["--set", "query.max_rows=2"], 64, "query.max_rows"),
        ("SELECT 1 FROM logs", &["--set", "lake.enabled=false"], 64, "lake.enabled is false"),
        ("SELECT 1 FROM logs", &["--set", "lake.catalog.uri=http://127.0.0.1:1"], 69, "127.0.0.1:1"),
    ] {
        let output = query(folder.path(), sql, options);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{sql}: {said}");
        assert!(said.contains(part) && said.starts_with("logmill: "), "{sql}: {said}");
        assert_eq!(text(&output.stdout), "", "{sql}");
    }
}

#[test]
fn an_answer_over_http_that_reaches_a_limit_in_its_middle_says_so_and_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).set("query.max_rows=9000").start_ready();
    send(&server, folder.path(), "a", 100, 100);
    // Rows enough for several pieces, each of some kilobytes.
    let sql = "SELECT a.body, a.attributes, b.attributes AS other FROM logs a, logs b";
    let head = "POST /api/v1/query HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: text/plain\r\naccept: application/x-ndjson";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{sql}", sql.len());
    let mut connection = server.connect();
    std::io::Write::write_all(&mut connection.stream, request.as_bytes()).unwrap();
    let mut came = Vec::new();
    connection.stream.read_to_end(&mut came).unwrap();
    let came = text(&came);
    assert!(came.contains("query.max_rows"), "{}", &came[..came.len().min(500)]);
    assert!(came.starts_with("HTTP/1.1 200") && came.len() > 1_000_000, "{}", came.len());
    assert!(!came.ends_with("\r\n0\r\n\r\n"), "the last chunk would make it whole");
}

#[test]
fn statements_that_change_something_are_refused_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    for sql in ["DROP TABLE logs", "INSERT INTO logs SELECT * FROM logs", "SET a = 1", "COPY logs TO 'x'"] {
        let answer = ask(&server, "*/*", sql);
        assert_eq!(
            (answer.status, answer.json()["type"].as_str()),
            (400, Some("urn:logmill:problem:not-a-query")),
            "{sql}"
        );
    }
    let other = tempfile::tempdir().unwrap();
    let without = Setup::new(other.path()).set("roles=ingest").start();
    assert_eq!(ask(&without, "*/*", "SELECT 1").status, 404, "only where the process has the role api");
}
