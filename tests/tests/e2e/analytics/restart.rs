//! What a restart must not change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use logmill_e2e::{Server, eventually};

use super::{ask, count, load, setup, summary};

const QUESTIONS: [&str; 5] = [
    "/api/v1/analytics?window=day&from=2026-03-01&to=2026-03-05&limit=100000",
    "/api/v1/analytics?window=hour&from=2026-03-01&to=2026-03-05&limit=3&by=user_agent&customer=acme",
    "/api/v1/analytics?window=minute&from=2026-03-01&to=2026-03-02&limit=2&customer=b_2-x",
    "/analytics?hour=2026-03-02T04&customer=acme",
    "/analytics?hour=2026-03-02T23",
];

fn answers(server: &Server) -> Vec<String> {
    QUESTIONS.iter().map(|question| ask(server, question).to_string()).collect()
}

fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, (SystemTime, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            walk(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "json") {
            let written = entry.metadata().unwrap().modified().unwrap();
            let bytes = std::fs::read(&entry).unwrap();
            found.insert(entry, (written, bytes));
        }
    }
}

/// All summaries, and when each was written.
fn summaries(data: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    walk(&data.join("analytics"), &mut found);
    found
}

/// Waits until a summary is written that has to be looked at after all others.
fn rounds(server: &Server, data: &Path, customer: &str) {
    for round in 1..=2 {
        count(server, customer, &[("2026-03-09T00:00:00Z", "/")]);
        let _ = summary(data, customer, "2026-03-09T00", |summary| summary["total"] == round);
    }
}

#[test]
fn answers_and_summaries_are_the_same_after_sigterm_and_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = setup(folder.path()).start_ready();
    load(&mut server.connect(), 0..60);
    let _ = server.drained();
    let _ = server.counts(folder.path(), None).is_right();
    let (before, written) = (answers(&server), summaries(folder.path()));
    assert!(written.len() > 50, "{}", written.len());
    assert_eq!(server.stop(), Some(0));
    let mut server = setup(folder.path()).start_ready();
    assert!(answers(&server) == before, "after SIGTERM: {:?}", answers(&server));
    server.kill();
    let server = setup(folder.path()).start_ready();
    assert!(answers(&server) == before, "after kill -9: {:?}", answers(&server));
    rounds(&server, folder.path(), "zzz");
    let mut now = summaries(folder.path());
    now.retain(|path, _| !path.starts_with(folder.path().join("analytics/zzz")));
    assert!(now == written, "summaries were written though nothing in them had changed");
}

#[test]
fn a_summary_is_written_when_its_hour_changes_and_not_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    load(&mut server.connect(), 0..12);
    let _ = server.drained();
    let _ = server.counts(folder.path(), None).is_right();
    let before = summaries(folder.path());
    let folders = ["2026-03-02/summary_05.json", "2026-03-02/summary_06.json"];
    let [changed, deleted] = folders.map(|path| folder.path().join("analytics").join(path));
    std::fs::remove_file(&deleted).unwrap();
    count(&server, "default", &[("2026-03-02T05:00:00Z", "/")]);
    eventually("the hour that changed is written", Duration::from_secs(60), || {
        (std::fs::read(&changed).unwrap() != before[&changed].1).then_some(())
    });
    rounds(&server, folder.path(), "zzz");
    let after = summaries(folder.path());
    let differs = |path: &&PathBuf| after.get(*path) != before.get(*path);
    let different: Vec<_> = before.keys().filter(differs).collect();
    assert_eq!(different, [&changed, &deleted], "others were written, too");
    assert!(!deleted.exists(), "nothing of its hour has changed");
    count(&server, "default", &[("2026-03-02T06:00:00Z", "/")]);
    eventually("a summary that was deleted comes back", Duration::from_secs(60), || {
        deleted.exists().then_some(())
    });
    let _ = server.counts(folder.path(), None).is_right();
}

#[test]
fn a_queue_that_was_replaced_stops_the_counts_until_adopt_decides() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let mut server = setup(data).start_ready();
    load(&mut server.connect(), 0..20);
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_dir_all(data.join("queue")).unwrap();
    let mut server = setup(data).start();
    let reason = eventually("the counts stop", Duration::from_secs(30), || {
        let parts = server.get("/readyz").json()["parts"].clone();
        parts["analytics"]["reason"].as_str().filter(|reason| reason.contains("adopt")).map(str::to_owned)
    });
    println!("{reason}");
    server.kill();
    let (code, text) = crate::commands::run(data, &["queue", "adopt", "--from", "oldest"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the hourly files and the counts go on"), "{text}");
    let mut server = setup(data).start_ready();
    load(&mut server.connect(), 20..40);
    let _ = server.drained();
    let _ = server.counts(data, None).is_right();
    assert_eq!(server.stop(), Some(0));
}
