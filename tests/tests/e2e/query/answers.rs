//! The same statements by four ways, and which files are opened for them.

use logmill_e2e::Lake;

use super::{ask, by_command, by_http, by_others, query, send, setup, text};

/// Statements that mean the same to DuckDB.
const STATEMENTS: [&str; 8] = [
    "SELECT service_name, count(*) AS n FROM logs GROUP BY service_name ORDER BY service_name",
    "SELECT severity, min(severity_number) AS low, max(severity_number) AS high, count(DISTINCT host_name) AS hosts FROM logs \
     GROUP BY severity ORDER BY severity",
    "SELECT timestamp, timestamp_nanos, trace_id, span_id, service_name, deployment_environment, host_name, event_name, scope_name, \
     body FROM logs ORDER BY timestamp_nanos, attributes['test.id'] LIMIT 40",
    "SELECT attributes['test.id'] AS id, attributes['kind.1'] AS one, attributes['none'] AS none FROM logs ORDER BY id",
    "SELECT count(*) AS n FROM logs WHERE service_name = 'service-1' AND severity_number >= 9",
    "SELECT count(*) AS n FROM logs WHERE service_name LIKE 'service-%' AND body IS NOT NULL AND trace_id IS NULL",
    "SELECT service_name, attributes['kind.0'] AS kind, count(*) AS n FROM logs WHERE service_name IN ('service-0', 'service-3') \
     GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST",
    "SELECT substr(attributes['test.id'], 1, 1) AS client, sum(timestamp_nanos % 1000) AS s FROM logs GROUP BY 1 HAVING count(*) > 1 \
     ORDER BY 1",
];

#[test]
fn the_same_sql_has_the_same_answer_by_the_command_over_http_by_pyiceberg_and_by_duckdb() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    send(&server, folder.path(), "a", 300, 300);
    send(&server, folder.path(), "b", 200, 500);
    let lake = Lake::of(folder.path());
    assert_eq!(lake.rows("pyiceberg").lines().count(), 500);
    let pyiceberg = by_others(&lake, "pyiceberg", &STATEMENTS);
    let duckdb = by_others(&lake, "duckdb", &STATEMENTS);
    for ((sql, pyiceberg), duckdb) in STATEMENTS.iter().zip(&pyiceberg).zip(&duckdb) {
        assert!(!pyiceberg.is_empty(), "{sql}");
        assert_eq!(pyiceberg, duckdb, "{sql}");
        assert_eq!(&by_command(folder.path(), sql), pyiceberg, "{sql}");
        assert_eq!(&by_http(&server, sql), pyiceberg, "{sql}");
    }
    let wrong = ask(&server, "text/csv", "SELECT nothing FROM logs");
    assert_eq!(wrong.status, 400);
    let figures = server.get("/metrics").text();
    for (name, expected) in [
        ("query_questions_total{result=\"answered\"}", STATEMENTS.len()),
        ("query_questions_total{result=\"wrong\"}", 1),
        ("query_duration_seconds_count", STATEMENTS.len() + 1),
    ] {
        assert!(figures.contains(&format!("\n{name} {expected}\n")), "{name} {expected}:\n{figures}");
    }
    drop(server);
    // The command needs no server.
    assert_eq!(&by_command(folder.path(), STATEMENTS[0]), &pyiceberg[0]);
}

#[test]
fn only_files_that_can_match_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    for (client, all) in [("a", 50), ("b", 100), ("c", 150), ("d", 200)] {
        send(&server, folder.path(), client, 50, all);
    }
    // The first and the last time of the table, from somebody else.
    let lake = Lake::of(folder.path());
    let ends = &by_others(&lake, "duckdb", &["SELECT min(timestamp), max(timestamp) FROM logs"])[0][0];
    let (first, last) = (ends[0].as_str().unwrap(), ends[1].as_str().unwrap());
    let day = |time: &str| time[..10].to_owned();
    let filters = [
        (
            "timestamp >= '1970-01-01T00:00:00Z'".to_owned(),
            "timestamp >= '1970-01-01T00:00:00+00:00'".to_owned(),
        ),
        (
            format!("timestamp < '{}T00:00:00Z'", day(last)),
            format!("timestamp < '{}T00:00:00+00:00'", day(last)),
        ),
        (format!("timestamp::date = '{}'", day(first)), {
            let day = day(first);
            format!("timestamp >= '{day}T00:00:00+00:00' AND timestamp <= '{day}T23:59:59.999999+00:00'")
        }),
        (format!("timestamp <= '{first}'"), format!("timestamp <= '{}'", first.replace('Z', "+00:00"))),
        (
            "timestamp > now() + interval '30 days'".to_owned(),
            "timestamp > '2200-01-01T00:00:00+00:00'".to_owned(),
        ),
        ("service_name = 'service-5'".to_owned(), "service_name = 'service-5'".to_owned()),
        ("service_name LIKE 'zz%'".to_owned(), "service_name = 'zz'".to_owned()),
        ("severity_number > 100".to_owned(), "severity_number > 100".to_owned()),
    ];
    let theirs: Vec<&str> = filters.iter().map(|(_, theirs)| theirs.as_str()).collect();
    let said = lake.sql(&[&["--files"], &theirs[..]].concat());
    let expected: Vec<u64> = said.lines().map(|line| line.parse().unwrap()).collect();
    let all = expected[0];
    assert!(all >= 8 && expected[1] < all && expected[1] > 0 && expected[7] == 0, "{expected:?}");
    for ((ours, _), expected) in filters.iter().zip(&expected) {
        let sql = format!("SELECT count(body) AS n FROM logs WHERE {ours}");
        let output = query(folder.path(), &sql, &["--stats"]);
        let said = text(&output.stderr);
        let files = format!("files: {expected} matched, {} skipped, {expected} opened;", all - expected);
        assert!(said.starts_with(&files), "{ours}: expected {files}, got {said}");
        let answer = ask(&server, "text/csv", &sql);
        let files = format!("matched={expected}, skipped={}", all - expected);
        assert_eq!(answer.header("logmill-files"), Some(&*files), "{ours}");
    }
}
