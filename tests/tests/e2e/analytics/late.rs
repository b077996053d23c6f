//! Records whose window was final when they came.

use std::path::Path;
use std::time::{Duration, SystemTime};

use logmill_e2e::{Server, eventually};
use serde_json::{Value, json};

use super::{SOON, ask, count, late_events, minute, setup, summary};

/// Three days before [`NOW`].
const THEN: &str = "2026-03-01T10:05:30Z";
const NOW: &str = "2026-03-04T10:05:30Z";

/// A process whose records all share a watermark.
fn one_partition(dir: &Path) -> Server {
    setup(dir).set("queue.partitions=1").start_ready()
}

/// `RFC 3339` so many minutes after `time`, in whole seconds.
fn later(time: SystemTime, minutes: i64) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().cast_signed() + minutes * 60;
    let mut command = std::process::Command::new("date");
    let text = command.args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d", &format!("@{seconds}")]).output().unwrap();
    String::from_utf8(text.stdout).unwrap().trim().to_owned()
}

/// Total and revision of the minute that a time lies in.
fn window(server: &Server, customer: &str, time: &str) -> (u64, u64) {
    let window = minute(server, customer, &time[..16]);
    (window["total"].as_u64().unwrap(), window["revision"].as_u64().unwrap())
}

/// The events that are told in the end: not before there are as many.
fn events(dir: &Path, count: usize) -> Vec<Value> {
    eventually(&format!("{count} events are told"), SOON, || {
        let events = late_events(dir);
        (events.len() >= count).then_some(events)
    })
}

#[test]
fn a_record_three_days_late_corrects_its_hour_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut server = one_partition(dir);
    count(&server, "acme", &[(THEN, "/"), (THEN, "/a")]);
    count(&server, "acme", &[(NOW, "/")]);
    let before = summary(dir, "acme", "2026-03-01T10", |_| true);
    assert_eq!((&before["total"], &before["revision"]), (&json!(2), &json!(1)));
    assert_eq!(minute(&server, "acme", "2026-03-01T10:05")["final"], true);
    assert_eq!(minute(&server, "acme", "2026-03-04T10:05")["final"], false);
    assert_eq!(server.metric("late_records_total"), 0);
    count(&server, "acme", &[(THEN, "/")]);
    let after = summary(dir, "acme", "2026-03-01T10", |summary| summary["revision"] != 1);
    assert_eq!((&after["total"], &after["revision"]), (&json!(3), &json!(2)));
    assert_eq!(after["paths"], json!({"GET /": 2, "GET /a": 1}));
    assert_eq!(after, ask(&server, "/analytics?customer=acme&hour=2026-03-01T10"));
    assert_eq!(window(&server, "acme", THEN), (3, 2));
    assert_eq!(server.metric("late_records_total"), 1);
    let told = json!({"customer": "acme", "window": "2026-03-01T10:05:00Z", "records": 1, "revision": 2});
    assert_eq!(events(dir, 1), [told]);
    // Neither forgotten nor told again by the next process.
    server.kill();
    let server = one_partition(dir);
    assert_eq!((window(&server, "acme", THEN), metric_in_the_end(&server)), ((3, 2), 1));
    count(&server, "acme", &[("2026-03-01T11:00:00Z", "/")]);
    assert_eq!(events(dir, 2).len(), 2);
}

/// Late records after a start, which reads them with its first partition.
fn metric_in_the_end(server: &Server) -> u64 {
    eventually("late records are known", SOON, || {
        Some(server.metric("late_records_total")).filter(|records| *records > 0)
    })
}

#[test]
fn late_is_what_lies_behind_the_allowed_lateness() {
    let folder = tempfile::tempdir().unwrap();
    let server = one_partition(folder.path());
    count(&server, "acme", &[(NOW, "/")]);
    // A minute late, and in the last window that is still open: 10:00:30 is the watermark.
    let open = ["2026-03-04T10:04:30Z", "2026-03-04T10:00:00Z"];
    let late = ["2026-03-04T09:59:59Z", "2026-03-03T10:05:30Z", "2025-03-04T10:05:30Z"];
    for time in open.iter().chain(&late) {
        count(&server, "acme", &[(time, "/")]);
    }
    for time in open {
        assert_eq!(window(&server, "acme", time), (1, 1), "{time}");
    }
    for time in late {
        assert_eq!(window(&server, "acme", time), (1, 2), "{time}");
    }
    assert_eq!(server.metric("late_records_total"), 3);
    let mut windows: Vec<_> = events(folder.path(), 3).iter().map(|event| event["window"].clone()).collect();
    windows.sort_by_key(Value::to_string);
    assert_eq!(windows, ["2025-03-04T10:05:00Z", "2026-03-03T10:05:00Z", "2026-03-04T09:59:00Z"]);
    let _ = server.counts(folder.path(), None).is_right();
}

#[test]
fn records_of_a_batch_make_each_other_never_late() {
    let folder = tempfile::tempdir().unwrap();
    let server = one_partition(folder.path());
    count(&server, "acme", &[(NOW, "/"), (THEN, "/"), ("2025-03-04T10:05:30Z", "/")]);
    assert_eq!((window(&server, "acme", THEN), window(&server, "acme", NOW)), ((1, 1), (1, 1)));
    // Two late records of a batch are one correction.
    count(&server, "acme", &[(THEN, "/"), (THEN, "/a")]);
    assert_eq!(window(&server, "acme", THEN), (3, 2));
    assert_eq!(server.metric("late_records_total"), 2);
    assert_eq!(events(folder.path(), 1)[0]["records"], 2);
}

#[test]
fn a_clock_that_runs_ahead_makes_nobody_late() {
    let folder = tempfile::tempdir().unwrap();
    let server = one_partition(folder.path());
    let now = SystemTime::now();
    let ahead = [later(now, 4), later(now, 6), later(now, 60 * 24 * 365)];
    for time in &ahead {
        count(&server, "ahead", &[(time, "/")]);
    }
    let (behind, late) = (later(now, -1), later(now, -7));
    count(&server, "acme", &[(&behind, "/")]);
    assert_eq!(server.metric("late_records_total"), 0, "a minute is no lateness");
    count(&server, "acme", &[(&late, "/")]);
    assert_eq!(server.metric("late_records_total"), 1);
    assert_eq!((window(&server, "acme", &behind), window(&server, "acme", &late)), ((1, 1), (1, 2)));
    for time in &ahead {
        assert_eq!(window(&server, "ahead", time), (1, 1), "{time}");
    }
}

#[test]
fn partitions_that_are_silent_hold_nobody_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).set("queue.partitions=8").start_ready();
    count(&server, "acme", &[(THEN, "/")]);
    assert_eq!(minute(&server, "acme", "2026-03-01T10:05")["final"], false);
    // Whichever partition it goes to, six at least have nothing yet.
    count(&server, "acme", &[(NOW, "/")]);
    eventually("a window three days old is final", Duration::from_secs(30), || {
        (minute(&server, "acme", "2026-03-01T10:05")["final"] == true).then_some(())
    });
    assert_eq!(minute(&server, "acme", "2026-03-04T10:05")["final"], false);
    // A final window is final for everybody, also for those whose own partition has seen nothing newer.
    for batch in 1..=8 {
        count(&server, "acme", &[(THEN, "/")]);
        assert_eq!(window(&server, "acme", THEN), (1 + batch, 1 + batch));
    }
    assert_eq!(server.metric("late_records_total"), 8);
}
