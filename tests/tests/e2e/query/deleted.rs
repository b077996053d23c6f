//! Rows that another engine deleted.

use logmill_e2e::{checker, python};
use serde_json::json;

use super::{by_command, by_http, by_others, send, setup};

#[test]
fn rows_that_another_engine_deleted_merge_on_read_stay_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    send(&server, folder.path(), "a", 200, 200);
    let catalog = folder.path().join("lake/catalog.db");
    let gone = ["a-0", "a-7", "a-8", "a-199"];
    let arguments = [&["--sqlite", catalog.to_str().unwrap(), "test.id"], &gone[..]].concat();
    let (good, said) = python(&checker("lake_delete.py"), &arguments);
    assert!(good && said.trim() == "4", "{said}");
    // Rows that come later are not concerned, whatever their ids.
    send(&server, folder.path(), "b", 100, 300);
    let left = "SELECT attributes['test.id'] AS id FROM logs ORDER BY id";
    let expected = &by_others(folder.path(), "duckdb", &[left])[0];
    assert_eq!(expected.len(), 296);
    assert_eq!(&by_others(folder.path(), "pyiceberg", &[left])[0], expected);
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
