//! Batches that end the process, and batches that only were there when it ended.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use logmill_e2e::{Post, Server, Setup, eventually, records_of};

use crate::commands::run;
use crate::samples::{batch, ids, sorted};

/// A debug build on a busy machine has ended by itself, or has delivered everything, within this.
const LIFE: Duration = Duration::from_secs(120);
/// The default of `dead_letters.attempts`.
const ATTEMPTS: usize = 5;
const SIGABRT: i32 = 6;
/// What a process may use beyond what it uses when it has delivered a small batch.
const ROOM: u64 = 64 << 20;
/// Columns and rows of the batch that does not fit into it: 1.9 MB.
const COLUMNS: usize = 1000;
const ROWS: usize = 1800;

/// Everything lies in one partition, so that the small batches lie before and behind the large one.
fn setup(dir: &Path) -> Setup {
    Setup::new(dir).set("queue.partitions=1")
}

/// A batch within all limits whose lines have 119 MB, since each of them names all columns.
fn swelling() -> Post {
    let names: Vec<String> = (0..COLUMNS).map(|n| format!("{n:0>60}")).collect();
    let row = format!("2026-01-02T03:04:05Z,/,u{}\n", ",".repeat(COLUMNS));
    Post::new("text/csv", format!("timestamp,path,userAgent,{}\n{}", names.join(","), row.repeat(ROWS)))
}

/// What a process has in use that has nothing to do any more.
fn at_rest(dir: &Path) -> u64 {
    let server = setup(dir).start_ready();
    assert_eq!(server.post(&batch(&ids("any", 5))).status, 202);
    let _ = server.drained();
    server.memory("VmData")
}

/// What becomes of a process: it ends by itself, or it has delivered everything.
fn life(setup: &Setup) -> Result<Server, ExitStatus> {
    let mut server = setup.spawn();
    let end = eventually("the process ends, or has nothing left to do", LIFE, || {
        server.ended().map(Some).or_else(|| server.is_drained().then_some(None))
    });
    end.map_or(Ok(server), Err)
}

fn letters(dir: &Path) -> Vec<String> {
    let (code, text) = run(dir, &["dlq", "list"]);
    assert_eq!(code, Some(0), "{text}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_batch_that_ends_the_process_is_a_dead_letter_after_five_starts() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let mut door = setup(&dir).argument("--roles").argument("ingest").start_ready();
    let small: Vec<Vec<String>> = (0..6).map(|n| ids(&format!("small-{n}"), 20)).collect();
    for (n, names) in small.iter().enumerate() {
        if n == 3 {
            assert_eq!(door.post(&swelling()).status, 202);
        }
        assert_eq!(door.post(&batch(names)).status, 202);
    }
    assert_eq!(door.stop(), Some(0));
    // Here the lines of the batch cannot be held, and an allocation that fails ends a process by SIGABRT.
    let limit = (at_rest(&folder.path().join("other")) + ROOM) / 1024;
    let narrow = setup(&dir).limited(&format!("-d {limit}"));
    for start in 1..=ATTEMPTS {
        let status = life(&narrow).expect_err("the batch has to end the process");
        assert_eq!(status.signal(), Some(SIGABRT), "start {start}: {status}");
        assert_eq!(letters(&dir), [""; 0], "start {start}");
    }
    let mut server = life(&narrow).expect("the batch has ended the process often enough");
    let listed = letters(&dir);
    assert!(listed.len() == 1 && listed[0].contains("decoding it failed 5 times"), "{listed:?}");
    let (code, shown) = run(&dir, &["dlq", "show", "0"]);
    let sent = String::from_utf8(swelling().body).unwrap();
    assert!(code == Some(0) && shown.ends_with(&sent), "the dead letter is the batch as it came");
    let row = &server.drained()["ledger"][0];
    assert_eq!((&row["dead_lettered"], &row["delivered"]), (&ROWS.into(), &120.into()), "{row}");
    let after = ids("after", 5);
    assert_eq!(server.post(&batch(&after)).status, 202);
    let _ = server.drained();
    let expected = sorted([small.concat(), after].concat());
    assert_eq!(records_of(&dir, "id"), expected);
    assert_eq!(server.stop(), Some(0));
    // With enough memory it stays what it is.
    let _ = setup(&dir).start_ready().drained();
    assert_eq!((records_of(&dir, "id"), letters(&dir)), (expected, listed));
}

#[test]
fn batches_in_flight_at_twenty_kills_while_their_folder_was_away_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, day) = (folder.path(), folder.path().join("logs/2026-01-02"));
    let setup = setup(dir);
    let mut server = setup.start_ready();
    // The folder of the positions can be written, that of the day cannot: the batches are decoded, and not committed.
    std::fs::write(&day, "not a folder").unwrap();
    let names: Vec<Vec<String>> = (0..3).map(|n| ids(&format!("batch-{n}"), 20)).collect();
    for names in &names {
        assert_eq!(server.post(&batch(names)).status, 202);
    }
    for _ in 0..20 {
        eventually("the lines wait for their folder", LIFE, || {
            server.get("/readyz").text().contains("cannot open an hourly file").then_some(())
        });
        server.kill();
        server = setup.start();
    }
    assert_eq!(letters(dir), [""; 0]);
    std::fs::remove_file(&day).unwrap();
    let row = &server.drained()["ledger"][0];
    assert_eq!((&row["dead_lettered"], &row["delivered"]), (&0.into(), &60.into()), "{row}");
    assert_eq!(records_of(dir, "id"), sorted(names.concat()));
    assert_eq!(letters(dir), [""; 0]);
    server.wait_ready();
}
