//! A real web server's log: the same files whichever log is in the middle.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use logmill_e2e::{Post, Server, Setup, checker, hourly_files, python};
use logmill_testkit::services::kafka;

use super::{drained, setup};
use crate::access_log::data;

const KINDS: [(&str, &str, &str); 3] = [
    ("json", "application/json", "gzip"),
    ("csv", "text/csv", "zstd"),
    ("ndjson", "application/x-ndjson", ""),
];

fn post_all(server: &Server, bodies: &Path) {
    for (format, kind, coding) in KINDS {
        let mut connection = server.connect();
        for entry in std::fs::read_dir(bodies.join(format)).unwrap() {
            let body = std::fs::read(entry.unwrap().path()).unwrap();
            let post = Post::new(kind, body).encoded(coding).with("x-customer-id", format);
            let answer = connection.post(&post).unwrap();
            assert_eq!(answer.status, 202, "{format}: {}", answer.text());
        }
    }
}

/// Each file's name below `logs`, with its lines sorted by sort(1).
fn files(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let sorted = |path: &Path| {
        let output = Command::new("sort").env("LC_ALL", "C").arg(path).output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let name = |path: &Path| path.strip_prefix(data.join("logs")).unwrap().to_string_lossy().into_owned();
    hourly_files(data).iter().map(|path| (name(path), sorted(path))).collect()
}

/// Hour → number of records, by the script that knows neither the server nor the batches.
fn expected() -> BTreeMap<String, usize> {
    let (good, text) = python(&checker("expected.py"), &[&data("apache_access.log.gz")]);
    assert!(good, "{text}");
    let hours: BTreeMap<String, Vec<serde_json::Value>> = serde_json::from_str(&text).unwrap();
    hours.into_iter().map(|(hour, records)| (hour, records.len())).collect()
}

#[test]
fn a_real_access_log_gives_the_same_files_as_the_embedded_log() {
    let folder = tempfile::tempdir().unwrap();
    for (format, _, _) in KINDS {
        let out = folder.path().join(format);
        let arguments = ["--format", format, "--batch", "500", "--out", out.to_str().unwrap()];
        let (good, told) = python(Path::new(&data("web_batches.py")), &arguments);
        assert!(good, "{told}");
    }
    let (ours, theirs) = (folder.path().join("embedded"), folder.path().join("kafka"));
    let mut server = Setup::new(&ours).start_ready();
    post_all(&server, folder.path());
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));

    let mut server = setup(&theirs, &kafka::shared().brokers(), "access-log").start_ready();
    post_all(&server, folder.path());
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0));

    let (embedded, kafka, expected) = (files(&ours), files(&theirs), expected());
    let records: usize = expected.values().sum();
    assert!(records > 9_900, "the script found {records} records only");
    assert_eq!(ledger["ledger"][0]["delivered"], records * KINDS.len());
    let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    for (hour, count) in &expected {
        for (format, _, _) in KINDS {
            let name = format!("{format}/{hour}.log.json");
            assert_eq!(kafka.get(&name).map(|text| lines(text)), Some(*count), "{name}");
        }
    }
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kafka), names(&embedded));
    assert_eq!(kafka.len(), expected.len() * KINDS.len());
    for (name, text) in &kafka {
        assert!(text == &embedded[name], "{name}: the same number of lines, but other bytes");
    }
}
