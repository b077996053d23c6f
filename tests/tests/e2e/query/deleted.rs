//! Rows that another engine deleted.

use logmill_e2e::Lake;
use serde_json::json;

use super::{by_command, by_http, by_others, send, setup};

#[test]
fn rows_that_another_engine_deleted_merge_on_read_stay_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    send(&server, folder.path(), "a", 200, 200);
    let lake = Lake::of(folder.path());
    lake.delete(&["test.id", "a-0", "a-7", "a-8", "a-199"]);
    // Rows that come later are not concerned, whatever their ids.
    send(&server, folder.path(), "b", 100, 300);
    let left = "SELECT attributes['test.id'] AS id FROM logs ORDER BY id";
    let expected = &by_others(&lake, "duckdb", &[left])[0];
    assert_eq!(expected.len(), 296);
    assert_eq!(&by_others(&lake, "pyiceberg", &[left])[0], expected);
    assert_eq!(&by_command(folder.path(), left), expected);
    assert_eq!(&by_http(&server, left), expected);
    // Filters and projections leave out rows and columns; positions must still be those of the file.
    for (filter, rows) in [
        ("attributes['test.id'] IN ('a-0', 'a-7', 'a-8', 'a-199')", 0),
        ("service_name = 'service-0' AND attributes['test.id'] IN ('a-0', 'a-4', 'a-8', 'a-12')", 2),
    ] {
        let sql = format!("SELECT count(*) AS n FROM logs WHERE {filter}");
        assert_eq!(by_command(folder.path(), &sql), [[json!(rows)]], "{filter}");
    }
}

#[test]
fn rows_that_another_engine_deleted_by_value_stay_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    send(&server, folder.path(), "a", 200, 200);
    let lake = Lake::of(folder.path());
    lake.delete(&["--equality", "service_name", "service-0", "service-3"]);
    // Rows of the same services that come later are there.
    send(&server, folder.path(), "b", 100, 300);
    // PyIceberg does not read tables with such files.
    let left = "SELECT attributes['test.id'] AS id FROM logs ORDER BY id";
    let expected = &by_others(&lake, "duckdb", &[left])[0];
    assert!((110..290).contains(&expected.len()), "{}", expected.len());
    assert_eq!(&by_command(folder.path(), left), expected);
    assert_eq!(&by_http(&server, left), expected);
    let counted = "SELECT count(*) AS n FROM logs WHERE service_name = 'service-0'";
    assert_eq!(by_command(folder.path(), counted), by_others(&lake, "duckdb", &[counted])[0]);
}
