//! Somebody else changes our files.

use std::path::Path;

use logmill_queue::Sink;
use logmill_world::Fs;
use logmill_world::sim::Disk;

use super::rig::{FILES, Rig, record, records, simulate};

const FILE: &str = "2025-12-28/18.log.json";

/// Lines before and after a change that somebody else makes, with or without a checkpoint between the lines.
async fn around(is_checkpointed: bool, change: impl FnOnce(&Rig)) -> Rig {
    let rig = Rig::fresh();
    rig.put(18, "/a").await;
    rig.put(18, "/b").await;
    let mut reading = rig.open().await.unwrap();
    rig.deliver(&mut reading).await.unwrap();
    if is_checkpointed {
        rig.sink.checkpoint().await.unwrap();
    }
    change(&rig);
    rig.put(18, "/c").await;
    rig.deliver(&mut reading).await.unwrap();
    rig
}

/// What the next process makes of the disk after a kill.
fn after_a_kill(disk: &Disk) -> Option<String> {
    let disk = Disk::new(&disk.killed());
    simulate(async {
        let rig = Rig::new(&disk);
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        rig.file(FILE)
    })
}

#[test]
fn our_lines_go_on_behind_what_somebody_appended() {
    for is_checkpointed in [false, true] {
        let disk = simulate(async {
            let rig = around(is_checkpointed, |rig| rig.write(FILE, |bytes| bytes.extend(b"theirs\n"))).await;
            let wanted = records(18, &["/a", "/b"]) + "theirs\n" + &record(18, "/c");
            assert_eq!(rig.file(FILE).unwrap(), wanted);
            rig.disk
        });
        let wanted = records(18, &["/a", "/b"]) + "theirs\n" + &record(18, "/c");
        assert_eq!(after_a_kill(&disk).unwrap(), wanted);
    }
}

#[test]
fn our_lines_go_on_where_somebody_cut_the_file() {
    for is_checkpointed in [false, true] {
        let cut = record(18, "/a").len();
        let disk = simulate(async {
            let rig = around(is_checkpointed, |rig| rig.write(FILE, |bytes| bytes.truncate(cut))).await;
            assert_eq!(rig.file(FILE).unwrap(), records(18, &["/a", "/c"]));
            rig.disk
        });
        let after = after_a_kill(&disk).unwrap();
        assert!(after.contains(&record(18, "/c")), "{after}");
        assert!(after.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{after}");
    }
}

#[test]
fn a_deleted_file_begins_anew_after_the_checkpoint() {
    simulate(async {
        let remove = |rig: &Rig| rig.disk.remove(&Path::new(FILES).join(FILE)).unwrap();
        let rig = around(true, remove).await;
        assert_eq!(rig.file(FILE).unwrap(), record(18, "/c"));
    });
}

#[test]
fn a_file_that_was_there_before_us_is_continued() {
    simulate(async {
        let rig = Rig::fresh();
        rig.write(FILE, |bytes| bytes.extend(b"older\n"));
        rig.put(18, "/a").await;
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        assert_eq!(rig.file(FILE).unwrap(), "older\n".to_owned() + &record(18, "/a"));
    });
}

#[test]
fn what_a_deleted_file_got_since_the_checkpoint_comes_back_at_a_crash() {
    let disk = simulate(async {
        let rig = Rig::fresh();
        rig.put(18, "/before").await;
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        rig.sink.checkpoint().await.unwrap();
        rig.put(18, "/since").await;
        rig.deliver(&mut reading).await.unwrap();
        rig.disk.remove(&Path::new(FILES).join(FILE)).unwrap();
        rig.disk
    });
    assert_eq!(after_a_kill(&disk).unwrap(), record(18, "/since"));
}
