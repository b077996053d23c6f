//! A real web server's log: what is counted is what the log itself says.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use logmill_e2e::{Post, Server, python};

use super::setup;
use crate::access_log::data;

/// A format, its media type, an encoding, and the customer that sends so.
const WAYS: [(&str, &str, &str, &str); 3] = [
    ("json", "application/json", "identity", "default"),
    ("csv", "text/csv", "gzip", "acme"),
    ("ndjson", "application/x-ndjson", "zstd", "b_2-x"),
];
const CONNECTIONS: usize = 4;

/// Posts all files of a folder over several connections at once.
fn post_all(server: &Server, folder: &Path, (_, kind, coding, customer): (&str, &str, &str, &str)) {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Mutex<Vec<PathBuf>> = Mutex::new(files.collect());
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = server.connect();
                while let Some(file) = { files.lock().unwrap().pop() } {
                    let post = Post::new(kind, std::fs::read(file).unwrap()).encoded(coding);
                    let answer = connection.post(&post.with("x-customer-id", customer)).unwrap();
                    assert_eq!(answer.status, 202, "{}", answer.text());
                }
            });
        }
    });
}

#[test]
fn counts_and_summaries_of_a_real_access_log_are_what_the_log_says() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let mut server = setup(&dir).start_ready();
    for way in WAYS {
        let out = folder.path().join(way.0);
        let arguments = ["--format", way.0, "--batch", "250", "--out", out.to_str().unwrap()];
        let (good, told) = python(Path::new(&data("web_batches.py")), &arguments);
        assert!(good, "{told}");
        post_all(&server, &out, way);
    }
    let _ = server.drained();
    let log = data("apache_access.log.gz");
    let compared = server.counts(&dir, Some((&log, &WAYS.map(|way| way.3)))).is_right();
    assert!(compared.contains("hours 252 "), "the log has 84 hours: {compared}");
    assert_eq!(server.stop(), Some(0));
}
