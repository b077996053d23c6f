//! The lake in an S3 store, behind a REST catalog.

use super::{by_command_with, by_http, by_others, query, send, setup, text};
use crate::lake::rest::Behind;

const STATEMENTS: [&str; 3] = [
    "SELECT service_name, count(*) AS n FROM logs GROUP BY service_name ORDER BY service_name",
    "SELECT timestamp, trace_id, body, attributes['test.id'] AS id FROM logs WHERE severity_number >= 9 ORDER BY timestamp_nanos, id",
    "SELECT count(*) AS n FROM logs WHERE service_name = 'service-1' AND timestamp > '1980-01-01T00:00:00Z'",
];

#[test]
fn a_lake_behind_a_rest_catalog_is_asked_like_the_one_in_the_folder() {
    let (folder, behind) = (tempfile::tempdir().unwrap(), Behind::start());
    let settings = behind.direct();
    let server =
        settings.iter().fold(setup(folder.path()), |setup, setting| setup.set(setting)).start_ready();
    send(&server, folder.path(), "a", 200, 200);
    send(&server, folder.path(), "b", 100, 300);
    let lake = behind.lake();
    let (pyiceberg, duckdb) =
        (by_others(&lake, "pyiceberg", &STATEMENTS), by_others(&lake, "duckdb", &STATEMENTS));
    let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    for ((sql, pyiceberg), duckdb) in STATEMENTS.iter().zip(&pyiceberg).zip(&duckdb) {
        assert!(!pyiceberg.is_empty(), "{sql}");
        assert_eq!(pyiceberg, duckdb, "{sql}");
        assert_eq!(&by_command_with(folder.path(), sql, &set), pyiceberg, "{sql}");
        assert_eq!(&by_http(&server, sql), pyiceberg, "{sql}");
    }
    drop((server, behind));
    let output = query(folder.path(), STATEMENTS[0], &set);
    assert_eq!(output.status.code(), Some(69), "{}", text(&output.stderr));
}
