//! `logmill lake` beside a server that writes, and what PyIceberg and DuckDB find afterwards.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use logmill_e2e::{Lake, Sending, Server};
use serde_json::Value;

use super::setup;
use crate::commands::run;

const ID: &str = "0191d3a4-7c1e-4c7a-9b57-0a1b2c3d4e5f";
const RECORDS: u32 = 100;

/// Sends records and waits until they are in the table.
fn send(server: &Server, folder: &Path, client: &str) -> PathBuf {
    let to = server.otlp_http();
    let told =
        Sending { client, protocol: "http", to, records: RECORDS, batch: 25, options: &[] }.run(folder);
    let _ = server.drained();
    told
}

fn status(data: &Path) -> Value {
    let (code, said) = run(data, &["lake", "status", "--format", "json"]);
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).unwrap()
}

/// Positions, each with the frames that it is behind.
fn behind(status: &Value) -> Vec<Option<u64>> {
    status["positions"].as_array().unwrap().iter().map(|of| of["behind"].as_u64()).collect()
}

/// Makes all files of the table four days older than they are.
fn age(folder: &Path) {
    let at = SystemTime::now() - Duration::from_hours(4 * 24);
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            age(&entry.path());
        } else {
            std::fs::File::options().write(true).open(entry.path()).unwrap().set_modified(at).unwrap();
        }
    }
}

#[test]
fn a_folder_without_a_lake_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for action in ["status", "positions", "expire", "orphans"] {
        let (code, said) = run(folder.path(), &["lake", action]);
        assert_eq!(code, Some(69), "{said}");
        assert!(said.contains("has no table default.logs"), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_table_is_looked_at_and_kept_in_order_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = setup(&data).start_ready();
    let lake = Lake::of(&data);
    let mut told: Vec<_> = ["a", "b", "c"].map(|client| send(&server, folder.path(), client)).into();
    let (look, said) = (lake.look(), status(&data));
    for (ours, theirs) in
        [("snapshots", "snapshots"), ("dataFiles", "files"), ("rows", "rows"), ("bytes", "bytes")]
    {
        assert_eq!(said[ours], look[theirs], "{said}");
    }
    assert_eq!((&said["current"]["id"], &said["rows"]), (&look["current"], &(3 * RECORDS).into()));
    assert!(said["snapshots"].as_u64().unwrap() >= 3, "{said}");
    assert!(!behind(&said).is_empty() && behind(&said).iter().all(|n| *n == Some(0)), "{said}");
    let (code, lines) = run(&data, &["lake", "status"]);
    assert!(code == Some(0) && lines.contains("rows           300\n"), "{lines}");
    let (code, lines) = run(&data, &["lake", "positions"]);
    assert!(
        code == Some(0) && lines.contains("otel-logs/0 next ") && lines.contains(", 0 behind"),
        "{lines}"
    );

    let expire = ["lake", "expire", "--keep-for", "0s", "--keep-at-least", "1"];
    let old = said["snapshots"].as_u64().unwrap() - 1;
    let (code, planned) = run(&data, &[&expire[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0), "{planned}");
    assert!(planned.starts_with(&format!("{old} old snapshots of default.logs would go")), "{planned}");
    assert_eq!(lake.look(), look, "a plan changes nothing");
    let (code, done) = run(&data, &expire);
    assert_eq!((code, done), (Some(0), planned.replace("would go", "were removed")));
    assert_eq!((&lake.look()["snapshots"], &lake.look()["rows"]), (&1.into(), &look["rows"]));

    told.push(send(&server, folder.path(), "d"));
    lake.check(&told, "pyiceberg");
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    lake.check(&told, "duckdb");
}

#[test]
fn files_that_nothing_names_go_and_a_server_beside_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = setup(&data).start_ready();
    let (lake, table) = (Lake::of(&data), data.join("lake/default/logs"));
    let mut told = vec![send(&server, folder.path(), "a")];
    let orphan = table.join(format!("data/timestamp_day=2022-01-08/logmill-{ID}.parquet"));
    let theirs = table.join(format!("data/timestamp_day=2022-01-08/00000-0-{ID}.parquet"));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    for path in [&orphan, &theirs] {
        std::fs::write(path, "content").unwrap();
    }
    // As if the server had written to the table for a long time.
    lake.change(&["property", "logmill.since", "0"]);
    age(&table);
    told.push(send(&server, folder.path(), "b"));
    let young = table.join(format!("data/logmill-{ID}.parquet"));
    std::fs::write(&young, "is being written").unwrap();

    let (code, said) = run(&data, &["lake", "orphans", "--older-than", "23h"]);
    assert!(code == Some(64) && said.contains("at least 1d"), "{said}");
    let off = ["lake", "orphans", "--set", "lake.orphans.older_than=0s"];
    let (code, said) = run(&data, &off);
    assert!(code == Some(64) && said.contains("--older-than"), "{said}");
    let (code, said) = run(&data, &["lake", "orphans", "--older-than", "5d"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "0 files (0 B) that no state of default.logs names were removed\n")
    );
    let (code, said) = run(&data, &["lake", "orphans", "--dry-run"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "1 files (7 B) that no state of default.logs names would go\n")
    );
    assert!(orphan.exists());
    let (code, said) = run(&data, &["lake", "orphans"]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "1 files (7 B) that no state of default.logs names were removed\n")
    );
    assert_eq!([&orphan, &theirs, &young].map(|path| path.exists()), [false, true, true]);

    told.push(send(&server, folder.path(), "c"));
    lake.check(&told, "pyiceberg");
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    lake.check(&told, "duckdb");
}

#[test]
fn a_rollback_by_another_engine_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = setup(&data).start_ready();
    let _ = ["a", "b"].map(|client| send(&server, folder.path(), client));
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let lake = Lake::of(&data);
    let taken = lake.look()["current"].clone();
    lake.change(&["rollback"]);
    let said = status(&data);
    assert_eq!(said["rolledBack"], Value::Array(vec![taken.clone()]), "{said}");
    assert!(said["positions"].as_array().unwrap().iter().any(|of| of["history"] == "rolled_back"), "{said}");
    let (_, lines) = run(&data, &["lake", "status"]);
    assert!(lines.contains(&format!("rolled back past our snapshots {taken}:")), "{lines}");
    assert!(lines.contains("rolled back: only what is before "), "{lines}");
}
