//! Counting hours anew.

use std::path::Path;

use super::{ask, load, setup, summary};
use crate::commands::run;

const RANGE: [&str; 5] = ["backfill", "--from", "2026-03-01", "--to", "2026-03-05"];
const HOUR: &str = "/analytics?hour=2026-03-02T04";
const MINUTES: &str = "/api/v1/analytics?window=minute&from=2026-03-01&to=2026-03-02&limit=100000";

fn backfill(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    run(data, &[&RANGE[..], more].concat())
}

/// Takes a line out of an hourly file.
fn without_a_line(data: &Path) {
    let file = data.join("logs/2026-03-02/04.log.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let rest: Vec<&str> = text.lines().skip(1).collect();
    std::fs::write(&file, rest.join("\n") + "\n").unwrap();
}

#[test]
fn counting_anew_gives_the_same_tables_from_the_files_and_from_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut server = setup(data).start_ready();
    load(&mut server.connect(), 0..60);
    let _ = server.drained();
    let _ = server.counts(data, None).is_right();
    let before = [ask(&server, HOUR), ask(&server, MINUTES)].map(|answer| answer.to_string());
    let (code, text) = backfill(data, &[]);
    assert_eq!(code, Some(78), "a process is at work: {text}");
    assert_eq!(server.stop(), Some(0));
    for source in ["files", "queue"] {
        let (code, text) = backfill(data, &["--source", source]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("counted anew, 0 of them differed"), "{source}: {text}");
        let mut server = setup(data).start_ready();
        let after = [ask(&server, HOUR), ask(&server, MINUTES)].map(|answer| answer.to_string());
        assert_eq!(after, before, "{source}: also their revisions");
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn what_differs_is_replaced_with_a_higher_revision_and_less_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut server = setup(data).start_ready();
    load(&mut server.connect(), 0..60);
    let _ = server.drained();
    let before = ask(&server, HOUR);
    let total = |summary: &serde_json::Value| summary["total"].as_u64().unwrap();
    let revision = |summary: &serde_json::Value| summary["revision"].as_u64().unwrap();
    assert_eq!(server.stop(), Some(0));
    without_a_line(data);
    let (code, text) = backfill(data, &[]);
    assert_eq!(code, Some(74), "{text}");
    assert!(text.contains("2026-03-02T04:00:00Z of default") && text.contains("--fewer"), "{text}");
    let mut server = setup(data).start_ready();
    assert_eq!(ask(&server, HOUR), before, "nothing was replaced");
    assert_eq!(server.stop(), Some(0));
    let (code, text) = backfill(data, &["--fewer"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 of them differed"), "{text}");
    let mut server = setup(data).start_ready();
    let after = ask(&server, HOUR);
    assert_eq!((total(&after), revision(&after)), (total(&before) - 1, revision(&before) + 1));
    let _ = server.counts(data, None).is_right();
    let _ = summary(data, "default", "2026-03-02T04", |summary| summary["total"] == after["total"]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn history_that_the_queue_no_longer_holds_comes_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut server = setup(data).set("aggregation.enabled=false").start_ready();
    load(&mut server.connect(), 0..30);
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    // As an installation whose queue begins after what its files hold.
    std::fs::remove_dir_all(data.join("queue")).unwrap();
    let (code, text) = run(data, &["queue", "adopt", "--from", "end"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = backfill(data, &[]);
    assert_eq!(code, Some(0), "{text}");
    let mut server = setup(data).start_ready();
    load(&mut server.connect(), 30..40);
    let _ = server.drained();
    let _ = server.counts(data, None).is_right();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn wrong_ranges_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, told) in [
        ("2026-03-02", "2026-03-01", "--to: is not behind --from"),
        ("yesterday", "2026-03-01", "--from: \"yesterday\""),
        ("2026-03-01", "2026-02-30", "--to: \"2026-02-30\""),
    ] {
        let (code, text) = run(folder.path(), &["backfill", "--from", from, "--to", to]);
        assert_eq!(code, Some(64), "{text}");
        assert!(text.contains(told), "{text}");
    }
}
