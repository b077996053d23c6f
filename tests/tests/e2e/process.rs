//! The process: exit codes, and its end.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use logmill_e2e::crash::{Acks, Client, check};
use logmill_e2e::{Setup, binary, eventually};

pub(crate) fn logmill(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().current_dir("/").output().expect("the binary starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_second_process_on_the_same_folder_is_told_the_pid_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Setup::new(folder.path()).start_ready();
    let second = Setup::new(folder.path()).command().output().unwrap();
    assert_eq!(second.status.code(), Some(78), "{}", errors(&second));
    let words: Vec<String> =
        errors(&second).split(|c: char| !c.is_ascii_digit()).map(str::to_owned).collect();
    assert!(words.contains(&first.pid().to_string()), "{} is not named: {}", first.pid(), errors(&second));
    assert_eq!(first.get("/readyz").status, 200);
    first.kill();
    let mut third = Setup::new(folder.path()).start_ready();
    assert_eq!(third.stop(), Some(0));
}

#[test]
fn an_occupied_port_is_74() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Setup::listening(folder.path(), &address).command().output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", errors(&output));
    assert!(errors(&output).contains(&address), "{}", errors(&output));
}

#[test]
fn bad_settings_are_78_with_all_errors_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["http.lisden=x", "queue.segment_bytes=lots", "files.flush_interval=9h", "log.level=loud"];
    let setup = settings.iter().fold(Setup::new(folder.path()), |setup, setting| setup.set(setting));
    let output = setup.command().output().unwrap();
    assert_eq!(output.status.code(), Some(78), "{}", errors(&output));
    for setting in settings {
        let name = setting.split('=').next().unwrap();
        assert!(errors(&output).contains(name), "{name} is not named: {}", errors(&output));
    }
    assert!(errors(&output).contains("http.listen"), "no suggestion: {}", errors(&output));
    let file = folder.path().join("logmill.yaml");
    std::fs::write(&file, "http:\n  lissten: x\nlog:\n  level: loud\n").unwrap();
    let output = logmill(&["serve", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78), "{}", errors(&output));
    let text = errors(&output);
    assert!(text.contains("logmill.yaml:2") && text.contains("logmill.yaml:4"), "no line is named: {text}");
}

#[test]
fn a_wrong_command_line_is_64() {
    for arguments in [&["nonsense"][..], &[], &["serve", "--nonsense"], &["serve", "nonsense"]] {
        let output = logmill(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", errors(&output));
    }
    assert_eq!(logmill(&["--help"]).status.code(), Some(0));
    assert_eq!(logmill(&["--version"]).status.code(), Some(0));
}

#[test]
fn sigterm_under_load_ends_in_time_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, stop) = (folder.path().join("data"), AtomicBool::new(false));
    let acks = Acks::create(&folder.path().join("acknowledged.tsv")).unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut server = Setup::new(&data).set("shutdown_timeout=20s").start_ready();
    let address = server.address();
    std::thread::scope(|scope| {
        for id in 0..4 {
            let (acks, stop) = (acks.clone(), &stop);
            scope.spawn(move || Client::new(seed, id, acks).work(address, stop));
        }
        eventually("the load is on", Duration::from_secs(60), || (acks.figures().0 > 200).then_some(()));
        let began = Instant::now();
        server.terminate();
        let status = server.ended_within(Duration::from_secs(25));
        assert_eq!(status.code(), Some(0), "{}", server.output());
        assert!(began.elapsed() < Duration::from_secs(20), "{}", server.output());
    });
    // What its sinks had read is in the files; on a busy machine that need not be all, and the next start brings the rest.
    assert!(std::fs::read_dir(data.join("logs")).unwrap().count() > 0);
    let ledger = Setup::new(&data).start_ready().drained();
    let _ = check(&acks, &data, &ledger);
    assert!(acks.complaints().is_empty(), "{:?}", acks.complaints());
}

/// Copies a folder with everything below it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg("--sparse=always").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
