//! The commands beside `serve`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use logmill_e2e::{Post, Server, Setup, eventually, records_of};

use crate::process::logmill;
use crate::samples::{batch, ids, record, sorted};

/// Runs a command on a data folder; answers its exit code and what it printed.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let data = data.to_str().unwrap();
    let output = logmill(&[arguments, &["--data-dir", data]].concat());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[test]
fn what_is_generated_is_verified_and_a_lost_repeated_or_altered_line_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new(folder.path()).start_ready();
    let receipts = folder.path().join("receipts.ndjson");
    let receipts = receipts.to_str().unwrap();
    let arguments = ["--records", "3000", "--batch", "250", "--customers", "3", "--receipts", receipts];
    let (code, said) = run(folder.path(), &[&["generate", "--url", &url(&server)], &arguments[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let _ = server.drained();
    server.kill();
    let verify = || run(folder.path(), &["verify", "--receipts", receipts]);
    let (code, said) = verify();
    assert_eq!((code, said.trim()), (Some(0), "stored 3000 missing 0 duplicate 0 altered 0 invented 0"));

    // Records of earlier hours are few, so that a file picked by its place may hold a single line.
    let whole = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
    let files = logmill_e2e::hourly_files(folder.path());
    let file = files.iter().max_by_key(|file| whole(file).len()).unwrap();
    let whole = whole(file);
    let lines: Vec<&str> = whole.lines().collect();
    let last = lines.len() - 1;
    let mut changed = lines[..last].to_vec();
    changed.push(lines[0]);
    let altered = lines[1].replace("\"GET\"", "\"GET\",\"x\":1").replacen("sequence\":", "sequence\":9", 1);
    changed[1] = &altered;
    std::fs::write(file, changed.join("\n") + "\n").unwrap();
    let (code, said) = verify();
    assert_eq!(code, Some(74), "{said}");
    assert!(said.contains("duplicate 1") && !said.contains("missing 0"), "{said}");
}

#[test]
fn frames_are_exported_and_replayed_once_however_often() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = Setup::new(old.path()).start_ready();
    let names = ids("a", 20);
    assert_eq!(first.post(&batch(&names).with("x-customer-id", "c")).status, 202);
    first.kill();
    let (code, lines) = run(old.path(), &["queue", "export"]);
    assert_eq!((code, lines.lines().count()), (Some(0), 1), "{lines}");
    let file = new.path().join("frames.ndjson");
    std::fs::write(&file, lines).unwrap();
    let second = Setup::new(new.path()).start_ready();
    for _ in 0..2 {
        let (code, said) =
            run(new.path(), &["queue", "replay", file.to_str().unwrap(), "--url", &url(&second)]);
        assert_eq!(code, Some(0), "{said}");
    }
    let _ = second.drained();
    assert_eq!(sorted(records_of(new.path(), "id")), sorted(names));
}

#[test]
fn a_damaged_frame_is_named_copied_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new(folder.path()).argument("--roles").argument("ingest").start_ready();
    for name in ["one", "two"] {
        assert_eq!(server.post(&batch(&[name.to_owned()])).status, 202);
    }
    assert_eq!(server.stop(), Some(0));
    let (code, said) = run(folder.path(), &["queue", "verify"]);
    assert_eq!((code, said.trim()), (Some(0), "every checksum holds"));
    let segment = folder.path().join("queue/main/0000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(5).position(|window| window == b"\"one\"").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let (code, said) = run(folder.path(), &["queue", "verify"]);
    assert_eq!(code, Some(74), "{said}");
    let range = said.split("bytes ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let (from, to) = range.split_once("..").unwrap();
    assert!((from.parse().unwrap()..to.parse().unwrap()).contains(&at), "{at} is not in {said}");
    assert!(said.contains("topic logs") && said.contains("records 1"), "{said}");
    let (code, said) = run(folder.path(), &["queue", "repair"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(std::fs::read_dir(folder.path().join("queue/main/quarantine")).unwrap().count(), 1);
    let all = Setup::new(folder.path()).start_ready();
    let _ = all.drained();
    assert_eq!(records_of(folder.path(), "id"), ["two"]);
}

#[test]
fn dead_letters_are_listed_shown_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let body = format!(r#"[{},{{"path":"/\u001b[31m"}}]"#, record("good"));
    assert_eq!(server.post(&Post::json(body).with("prefer", "handling=lenient")).status, 202);
    let list = || run(folder.path(), &["dlq", "list"]).1;
    let listed = eventually("the dead letter is listed", Duration::from_secs(60), || {
        Some(list()).filter(|text| !text.is_empty())
    });
    assert!(
        listed.starts_with("0 ") && listed.contains("record 1: ") && listed.contains("timestamp"),
        "{listed}"
    );
    let (code, shown) = run(folder.path(), &["dlq", "show", "0"]);
    assert!(code == Some(0) && shown.contains(r#"[{"path":"/\u001b[31m"}]"#), "{shown}");
    assert_eq!(run(folder.path(), &["dlq", "show", "7"]).0, Some(64));
    let (code, said) = run(folder.path(), &["dlq", "replay", "0", "--url", &url(&server)]);
    assert!(code == Some(74) && said.contains("`timestamp` is missing"), "{said}");
    assert_eq!(run(folder.path(), &["dlq", "drop", "0"]).0, Some(0));
    assert_eq!(list(), "");
}

#[test]
fn a_queue_that_was_emptied_stops_the_files_until_it_is_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Setup::new(folder.path()).start_ready();
    assert_eq!(server.post(&batch(&ids("old", 3))).status, 202);
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_dir_all(folder.path().join("queue")).unwrap();
    let mut server = Setup::new(folder.path()).start();
    // The counts say something else, and may be the first to say it.
    let reason = eventually("the files say why they stopped", Duration::from_secs(60), || {
        let ready = server.get("/readyz");
        Some(ready.text()).filter(|text| ready.status == 503 && text.contains("belongs to log"))
    });
    assert!(reason.contains("queue adopt"), "{reason}");
    assert_eq!(server.post(&batch(&ids("new", 2))).status, 202, "the door goes on");
    server.kill();
    let (code, said) = run(folder.path(), &["queue", "adopt", "--from", "oldest"]);
    assert_eq!(code, Some(0), "{said}");
    let server = Setup::new(folder.path()).start_ready();
    let _ = server.drained();
    assert_eq!(sorted(records_of(folder.path(), "id")), sorted([ids("old", 3), ids("new", 2)].concat()));
}

#[test]
fn what_adopt_leaves_out_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = Setup::new(folder.path()).argument("--roles").argument("ingest").start_ready();
    assert_eq!(door.post(&batch(&ids("before", 4))).status, 202);
    assert_eq!(door.stop(), Some(0));
    let (code, said) = run(folder.path(), &["queue", "adopt", "--from", "end"]);
    assert_eq!(code, Some(0), "{said}");
    let server = Setup::new(folder.path()).start_ready();
    assert_eq!(server.post(&batch(&ids("after", 2))).status, 202);
    let _ = server.drained();
    assert_eq!(sorted(records_of(folder.path(), "id")), sorted(ids("after", 2)));
    let row = server.ledger();
    assert_eq!(
        (&row["accepted"], &row["delivered"], &row["expired"]),
        (&6.into(), &2.into(), &4.into()),
        "{row}"
    );
}

#[test]
fn the_settings_in_the_examples_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for (name, secret) in
        [("logmill.yaml", "log.level=info"), ("logmill-kafka.yaml", "queue.kafka.sasl.password=x")]
    {
        let path = examples.join(name).to_string_lossy().into_owned();
        let (code, told) = run(folder.path(), &["config", "check", "--config", &path, "--set", secret]);
        assert_eq!(code, Some(0), "{name}: {told}");
    }
}
