//! A real web server's log: the same files whichever log is in the middle.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use logmill_e2e::{Post, Server, Setup, hourly_files, lines_below, python};
use logmill_testkit::services::kafka;

use super::{drained, setup};
use crate::access_log::{data, expected, is_whole};

/// How the log is posted: format and customer, media type, coding.
pub(crate) const KINDS: [(&str, &str, &str); 3] = [
    ("json", "application/json", "gzip"),
    ("csv", "text/csv", "zstd"),
    ("ndjson", "application/x-ndjson", ""),
];

/// Makes the log's batches below a folder.
pub(crate) fn make_bodies(folder: &Path) {
    for (format, _, _) in KINDS {
        let out = folder.join(format);
        let arguments = ["--format", format, "--batch", "500", "--out", out.to_str().unwrap()];
        let (good, told) = python(Path::new(&data("web_batches.py")), &arguments);
        assert!(good, "{told}");
    }
}

pub(crate) fn post_all(server: &Server, bodies: &Path) {
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

/// The hours below a folder are those of the script that knows neither the server nor the batches, and byte for byte those
/// that the embedded log gives for the same batches. Answers how many records they hold.
pub(crate) fn is_as_embedded(found: &Path, bodies: &Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new(folder.path()).start_ready();
    post_all(&server, bodies);
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    let (lines, expected) = (lines_below(found), expected());
    KINDS.iter().for_each(|(customer, _, _)| is_whole(&lines, customer, &expected));
    let (embedded, found) = (files(folder.path()), files(found));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&embedded));
    for (name, text) in &found {
        assert!(text == &embedded[name], "{name}: the same records, but other bytes");
    }
    lines.len()
}

#[test]
fn a_real_access_log_gives_the_same_files_as_the_embedded_log() {
    let folder = tempfile::tempdir().unwrap();
    make_bodies(folder.path());
    let data = folder.path().join("data");
    let mut server = setup(&data, &kafka::shared().brokers(), "access-log").start_ready();
    post_all(&server, folder.path());
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(ledger["ledger"][0]["delivered"], is_as_embedded(&data, folder.path()));
}
