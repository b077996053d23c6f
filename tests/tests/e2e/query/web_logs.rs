//! The hourly files as a table.

use std::collections::BTreeMap;

use logmill_e2e::Setup;
use serde_json::{Value, json};

use super::{by_command, by_http, query, text};
use crate::samples::{batch, ids};

#[test]
fn web_logs_are_the_lines_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    for (customer, count) in [("default", 30), ("acme", 12)] {
        assert_eq!(server.post(&batch(&ids(customer, count)).with("x-customer-id", customer)).status, 202);
    }
    let _ = server.drained();
    let sql = "SELECT customer, count(*) AS n, count(DISTINCT attributes['id']) AS ids, min(timestamp) AS t FROM web_logs \
               WHERE timestamp >= '2026-01-02T03:00:00Z' GROUP BY customer ORDER BY customer";
    // Counted from the files themselves.
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    for file in logmill_e2e::hourly_files(folder.path()) {
        let customer = if file.to_string_lossy().contains("/acme/") { "acme" } else { "default" };
        *lines.entry(customer).or_default() += std::fs::read_to_string(file).unwrap().lines().count() as u64;
    }
    let expected: Vec<Vec<Value>> = lines
        .iter()
        .map(|(customer, lines)| {
            vec![json!(customer), json!(lines), json!(lines), json!("2026-01-02T03:04:05Z")]
        })
        .collect();
    assert_eq!(lines.values().sum::<u64>(), 42);
    assert_eq!(by_http(&server, sql), expected);
    assert_eq!(by_command(folder.path(), sql), expected);
    let output =
        query(folder.path(), "SELECT * FROM web_logs WHERE customer = 'acme'", &["--stats", "--limit", "3"]);
    assert!(text(&output.stdout).ends_with("(3 rows)\n"), "{}", text(&output.stdout));
    assert!(
        text(&output.stderr).starts_with("files: 1 matched, 1 skipped, 1 opened;"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn hourly_files_in_a_store_are_named_as_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let output = query(folder.path(), "SELECT 1 FROM web_logs", &["--set", "files.dir=s3://logs/raw"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("files.dir is s3://logs/raw"), "{}", text(&output.stderr));
}
