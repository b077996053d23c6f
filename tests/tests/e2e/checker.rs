//! The checkers find what they are there to find.

use std::path::Path;

use fastrand::Rng;
use logmill_e2e::crash::{Acks, Client};
use logmill_e2e::{Setup, checker, python};
use serde_json::Value;

/// Good files of a short load without a crash.
fn good(folder: &Path) -> Value {
    let data = folder.join("data");
    let acks = Acks::create(&folder.join("acknowledged.tsv")).unwrap();
    let mut server = Setup::new(&data).start_ready();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (address, of_client) = (server.address(), acks.clone());
        let stop = &stop;
        scope.spawn(move || Client::new(7, 0, of_client).work(address, stop));
        logmill_e2e::eventually("the load is on", std::time::Duration::from_secs(60), || {
            (acks.figures().0 > 20).then_some(())
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let ledger = server.drained();
    assert_eq!(server.stop(), Some(0));
    ledger
}

fn verdict(folder: &Path, ledger: &Value) -> (bool, String) {
    let path = folder.join("ledger.json");
    std::fs::write(&path, ledger.to_string()).unwrap();
    let arguments = [folder.join("acknowledged.tsv"), folder.join("data"), path];
    let arguments = arguments.map(|path| path.to_string_lossy().into_owned());
    let (good, text) = python(&checker("check.py"), &arguments.each_ref().map(String::as_str));
    (good, text.lines().find(|line| line.starts_with("missing ")).unwrap_or_default().to_owned())
}

/// The file with the most lines.
fn largest(folder: &Path) -> std::path::PathBuf {
    let logs = folder.join("data/logs/acme");
    let days = std::fs::read_dir(logs).unwrap().map(|day| day.unwrap().path());
    let files = days.flat_map(|day| std::fs::read_dir(day).unwrap().map(|file| file.unwrap().path()));
    files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

#[test]
fn the_checker_finds_missing_doubled_altered_and_invented_records() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ledger = good(folder);
    assert_eq!(verdict(folder, &ledger), (true, "missing 0 duplicate 0 altered 0 invented 0".to_owned()));
    let file = largest(folder);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut rng = Rng::with_seed(7);
    let pick = lines[rng.usize(..lines.len())];
    let batch = pick.split_once("\"batch\":").unwrap().1.trim_start_matches('"');
    let batch: String = batch.chars().take_while(char::is_ascii_digit).collect();
    let without_a_byte = pick.replacen("\"path\":\"/", "\"path\":\"", 1);
    let unknown = pick.replacen(&format!("\"batch\":{batch}"), "\"batch\":999999", 1);
    let unknown = unknown.replacen(&format!("\"batch\":\"{batch}\""), "\"batch\":\"999999\"", 1);
    let cases = [
        (text.replacen(pick, "", 1), "missing 1 duplicate 0 altered 0 invented 0"),
        (format!("{text}{pick}"), "missing 0 duplicate 1 altered 0 invented 0"),
        (text.replacen(pick, &without_a_byte, 1), "missing 1 duplicate 0 altered 1 invented 0"),
        (format!("{text}{unknown}"), "missing 0 duplicate 0 altered 1 invented 0"),
        (format!("{text}{}", &pick[..pick.len() / 2]), "missing 0 duplicate 0 altered 1 invented 0"),
    ];
    for (changed, expected) in cases {
        std::fs::write(&file, changed).unwrap();
        assert_eq!(verdict(folder, &ledger), (false, expected.to_owned()));
    }
    std::fs::write(&file, &text).unwrap();
    let acknowledged = std::fs::read_to_string(folder.join("acknowledged.tsv")).unwrap();
    let of_batch = |line: &&str| line.starts_with(&format!("0\t{batch}\t"));
    let line = acknowledged.split_inclusive('\n').find(of_batch).unwrap();
    let records = line.split('\t').nth(2).unwrap().split('-').map(|n| n.parse::<u64>().unwrap());
    let records = records.collect::<Vec<_>>();
    let count = records[1] - records[0] + 1;
    // A batch that nobody sent, one that was refused, and half of one whose outcome is open.
    std::fs::write(folder.join("acknowledged.tsv"), acknowledged.replacen(line, "", 1)).unwrap();
    assert_eq!(
        verdict(folder, &ledger),
        (false, format!("missing 0 duplicate 0 altered 0 invented {count}"))
    );
    let refused = format!("{}refused\n", &line[..line.rfind('\t').unwrap() + 1]);
    std::fs::write(folder.join("acknowledged.tsv"), format!("{acknowledged}{refused}")).unwrap();
    assert_eq!(
        verdict(folder, &ledger),
        (false, format!("missing 0 duplicate 0 altered 0 invented {count}"))
    );
    let open = refused.replace("refused", "unknown");
    std::fs::write(folder.join("acknowledged.tsv"), format!("{acknowledged}{open}")).unwrap();
    assert!(verdict(folder, &ledger).0);
    if count > 1 {
        std::fs::write(&file, text.replacen(pick, "", 1)).unwrap();
        assert_eq!(
            verdict(folder, &ledger),
            (false, "missing 1 duplicate 0 altered 0 invented 0".to_owned())
        );
    }
    // The ledger must agree with the lines.
    std::fs::write(&file, &text).unwrap();
    let mut wrong = ledger.clone();
    let delivered = wrong["ledger"][0]["delivered"].as_u64().unwrap();
    wrong["ledger"][0]["delivered"] = (delivered + 1).into();
    assert!(!verdict(folder, &wrong).0);
}

#[test]
fn the_checkers_of_the_lake_find_what_they_are_there_to_find() {
    let (good, text) = python(&checker("test_lake_checker.py"), &[]);
    assert!(good && text.contains("\nRan 15 tests "), "{text}");
}

#[test]
fn the_sender_of_otlp_writes_down_what_it_was_told() {
    let (good, text) = python(&checker("test_otlp_send.py"), &[]);
    assert!(good && text.contains("\nRan 5 tests "), "{text}");
}
