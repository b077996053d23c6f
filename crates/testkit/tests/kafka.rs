//! The brokers that other tests stand on: they serve, they can be killed, and nothing of them is left behind.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use logmill_testkit::services::kafka::{self, Kafka, QUICK};
use support::{eventually, is_running};

/// An `ApiVersions` request, version 0: size, key 18, version, correlation id 7, no client id.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
/// Set in the process that is killed: the file into which it writes what it has started.
const KILLED: &str = "LOGMILL_TEST_KILLED_REPORT";

/// Whether a broker speaks its protocol: the answer begins with its size, the correlation id, and no error.
fn serves(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(&API_VERSIONS).unwrap();
    let mut answer = [0; 10];
    match stream.read_exact(&mut answer) {
        Ok(()) => answer[4..] == [0, 0, 0, 7, 0, 0],
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
        Err(error) => panic!("{address} broke the connection: {error}"),
    }
}

#[test]
fn a_broker_serves_is_killed_and_comes_back() {
    let kafka = Kafka::start(1, QUICK);
    assert!(serves(&kafka.brokers()));
    kafka.kill(1);
    assert!(TcpStream::connect(kafka.brokers()).is_err(), "a killed broker has no port");
    kafka.restart(1);
    assert!(serves(&kafka.brokers()));
    let (pid, folder) = (kafka.pid(1).unwrap(), kafka.folder().to_owned());
    drop(kafka);
    assert!(!is_running(pid) && !folder.exists());
}

#[test]
fn a_frozen_broker_is_silent_until_it_goes_on() {
    let kafka = Kafka::start(1, &[]);
    kafka.freeze(1);
    assert!(!serves(&kafka.brokers()));
    kafka.thaw(1);
    eventually("the broker answers again", || serves(&kafka.brokers()));
}

#[test]
fn a_second_start_stands_beside_the_shared_one() {
    let shared = kafka::shared();
    let other = Kafka::start(1, &[]);
    assert_ne!(shared.brokers(), other.brokers());
    assert!(serves(&shared.brokers()) && serves(&other.brokers()));
    drop(other);
    assert!(serves(&shared.brokers()));
}

#[test]
fn two_of_three_brokers_go_on() {
    let kafka = Kafka::start(3, QUICK);
    let addresses = kafka.brokers();
    assert!(addresses.split(',').all(serves), "{addresses}");
    assert_eq!(addresses, [1, 2, 3].map(|node| kafka.address(node)).join(","));
    kafka.kill(2);
    assert!(serves(&kafka.address(1)) && serves(&kafka.address(3)));
    kafka.restart(2);
    (1..=3).for_each(|node| kafka.kill(node));
    kafka.restart_all();
    assert!(addresses.split(',').all(serves), "{addresses}");
}

#[test]
#[should_panic(expected = "Invalid value many for configuration broker.session.timeout.ms")]
fn a_broker_that_cannot_start_fails_the_test_with_its_reason() {
    let _ = Kafka::start(1, &[("broker.session.timeout.ms", "many")]);
}

#[test]
fn a_killed_test_leaves_no_broker_behind() {
    if let Some(report) = std::env::var_os(KILLED) {
        start_and_wait_for_the_end(Path::new(&report));
    }
    let temp = tempfile::tempdir().unwrap();
    let report = temp.path().join("report");
    let mut child = this_test_again(&report);
    eventually("the child has started a broker", || report.exists());
    let report = std::fs::read_to_string(&report).unwrap();
    let (pid, folder) = report.split_once(' ').unwrap();
    let (pid, folder) = (pid.parse().unwrap(), Path::new(folder));
    assert!(is_running(pid) && folder.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the broker ends and its folder goes", || !is_running(pid) && !folder.exists());
}

fn this_test_again(report: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_killed_test_leaves_no_broker_behind"]).env(KILLED, report);
    child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn start_and_wait_for_the_end(report: &Path) -> ! {
    let kafka = kafka::shared();
    let unfinished = report.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{} {}", kafka.pid(1).unwrap(), kafka.folder().display())).unwrap();
    std::fs::rename(unfinished, report).unwrap();
    // Normally this ends by being killed; when the test fails before that, its pipe closes.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(1);
}
