//! The embedded log with all batches in a store: an object that goes, dead letters, commands.

use std::path::PathBuf;
use std::time::Duration;

use logmill_e2e::{Post, Setup, eventually, records_of};
use logmill_testkit::services::s3::S3;
use serde_json::Value;

use super::{BUCKET, store, with_store};
use crate::process::logmill;
use crate::samples::{batch, ids, record, sorted};

const PATIENCE: Duration = Duration::from_secs(60);

/// The files in which the store keeps a customer's batches.
fn objects(store: &S3, customer: &str) -> Vec<PathBuf> {
    let folder = store.folder().join("data").join(BUCKET).join("raw/batches").join(customer);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn an_object_that_is_gone_or_altered_is_accounted_for_as_lost_and_named() {
    let (folder, store) = (tempfile::tempdir().unwrap(), store());
    let setup = with_store(Setup::new(folder.path()), &store, &store.endpoint()).set("raw_batches.above=0");
    let mut door = setup.clone().argument("--roles").argument("ingest").start_ready();
    let mut kept = Vec::new();
    for (customer, records) in [("one", 3), ("gone", 5), ("two", 4), ("altered", 7), ("three", 2)] {
        let ids = ids(customer, records);
        assert_eq!(door.post(&batch(&ids).with("x-customer-id", customer)).status, 202);
        if ["one", "two", "three"].contains(&customer) {
            kept.extend(ids);
        }
    }
    assert_eq!(door.stop(), Some(0));
    let [gone, altered] = ["gone", "altered"].map(|customer| objects(&store, customer).remove(0));
    std::fs::remove_file(&gone).unwrap();
    let bytes = std::fs::read_to_string(&altered).unwrap();
    std::fs::write(&altered, bytes.replace("GET", "PUT")).unwrap();
    let mut server = setup.start_ready();
    let ledger = server.drained();
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let row = &ledger["ledger"][0];
    let figures = ["accepted", "delivered", "damaged", "queued"].map(|name| row[name].as_u64().unwrap());
    assert_eq!(figures, [21, 9, 12, 0], "{row}");
    assert_eq!(records_of(folder.path(), "id"), sorted(kept));
    // The log says the same thing once a second, so that it may name only one of the two.
    let names = [gone, altered].map(|object| object.file_name().unwrap().to_string_lossy().into_owned());
    assert!(names.iter().any(|name| server.output().contains(name)), "{names:?}: {}", server.output());
}

/// A command with the settings of a process, after it.
fn run(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String) {
    let dir = setup.dir.to_string_lossy().into_owned();
    let settings = setup.arguments.iter().map(|argument| argument.to_str().unwrap());
    let all: Vec<&str> = arguments.iter().copied().chain(["--data-dir", &dir]).chain(settings).collect();
    let output = logmill(&all);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// The file of dead letters and the commands show what was sent, and not where it lies.
#[test]
fn dead_letters_and_exports_show_the_bytes() {
    let (folder, store) = (tempfile::tempdir().unwrap(), store());
    let file = folder.path().join("letters.ndjson");
    let setup = with_store(Setup::new(folder.path()), &store, &store.endpoint())
        .set("raw_batches.above=0")
        .set(&format!("dead_letters.file={}", file.display()));
    let mut server = setup.start_ready();
    let body = format!(r#"[{},{{"path":"/bad"}}]"#, record("good"));
    assert_eq!(server.post(&Post::json(body.clone()).with("prefer", "handling=lenient")).status, 202);
    let line = eventually("the letter is in the file", PATIENCE, || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        serde_json::from_str::<Value>(text.lines().next()?).ok()
    });
    assert_eq!(line["payload"], r#"[{"path":"/bad"}]"#, "{line}");
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    assert_eq!(objects(&store, "default").len(), 2, "the batch and the letter");

    let (code, shown) = run(&setup, &["dlq", "show", "0"]);
    assert!(code == Some(0) && shown.contains(r#"[{"path":"/bad"}]"#), "{code:?} {shown}");
    let (code, listed) = run(&setup, &["dlq", "list"]);
    assert!(code == Some(0) && listed.starts_with("0 ") && listed.contains("record 1: "), "{listed}");
    let (code, exported) = run(&setup, &["queue", "export"]);
    let line: Value = serde_json::from_str(&exported).unwrap_or_else(|_| panic!("{exported}"));
    assert_eq!((code, line["payload"].as_str(), &line["encoding"]), (Some(0), Some(&*body), &1.into()));
    let (code, told) = run(&setup, &["config", "check", "--connect"]);
    assert!(code == Some(0) && told.contains("s3://lake/raw: can be written"), "{code:?} {told}");
    let mut stranger = setup.clone();
    let secret = stranger.arguments.iter_mut().find(|argument| {
        argument.to_str().is_some_and(|argument| argument.starts_with("raw_batches.s3.secret_key="))
    });
    *secret.unwrap() = "raw_batches.s3.secret_key=wrong".into();
    let (code, told) = run(&stranger, &["check", "s3"]);
    assert!(code == Some(69) && told.contains("raw_batches.url"), "{code:?} {told}");

    for object in objects(&store, "default") {
        std::fs::remove_file(object).unwrap();
    }
    let (code, told) = run(&setup, &["dlq", "show", "0"]);
    assert!(code == Some(74) && told.contains("lost"), "{code:?} {told}");
    let (code, told) = run(&setup, &["queue", "export"]);
    assert!(code == Some(0) && told.contains("offset 0 is left out"), "{code:?} {told}");
}
