//! Upkeep beside a server under load, both killed at any moment.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logmill_e2e::{Lake, binary};

use super::crash::killed;
use crate::samples::number;

/// How often the server is killed; upkeep is killed several times as often.
const KILLS: u32 = 4;

fn lake(data: &Path, action: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("lake").args(action).arg("--data-dir").arg(data).env_clear().current_dir("/");
    command
}

/// Starts one kind of upkeep after the other, and kills most of them; answers how many ended by themselves.
fn disturbed(data: &Path, seed: u64, is_over: &AtomicBool) -> u32 {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ended = 0;
    while !is_over.load(Ordering::Relaxed) {
        let actions = [&["compact"][..], &["expire", "--keep-for", "1s", "--keep-at-least", "3"]];
        let action = actions[rng.usize(..actions.len())];
        let mut job = lake(data, action).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.u64(20..1500)));
        ended += u32::from(has_ended(&mut job));
    }
    ended
}

fn has_ended(job: &mut Child) -> bool {
    let ended = job.try_wait().unwrap().is_some();
    let _ = job.kill();
    job.wait().unwrap();
    ended
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn upkeep_that_is_killed_beside_a_server_that_is_killed_changes_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let is_over = AtomicBool::new(false);
    let seed = number("LOGMILL_TEST_SEED", 1_u64);
    let ((server, told), ended) = std::thread::scope(|scope| {
        let upkeep = scope.spawn(|| disturbed(&data, seed ^ 0x5eed, &is_over));
        let killed = killed(folder.path(), KILLS, &[]);
        is_over.store(true, Ordering::Relaxed);
        (killed, upkeep.join().unwrap())
    });
    println!("{ended} rounds of upkeep came to their end");
    Lake::of(&data).check(&told, "pyiceberg");

    println!("{}", said(&mut lake(&data, &["compact"])));
    let left = said(&mut lake(&data, &["compact", "--dry-run"]));
    assert!(left.starts_with("0 small files"), "{left}");
    drop(server);
    for engine in ["pyiceberg", "duckdb"] {
        Lake::of(&data).check(&told, engine);
    }
}
