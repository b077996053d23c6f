use std::io::IoSlice;
use std::path::Path;

use logmill_pipeline::SinkState;
use logmill_queue::Encoding;
use logmill_world::sim::{Disk, Image};
use logmill_world::{Fs, Mode};
use serde_json::Value;

use super::rig::{FILE, Rig, each_crash, live};

async fn letter(rig: &Rig, n: u32) {
    rig.append("web.dlq", Encoding::OPAQUE, 1, &[], &format!("body {n} \"\n")).await;
}

fn numbers(text: &str) -> Vec<u64> {
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["letter"].as_u64().unwrap())
        .collect()
}

#[test]
fn each_letter_is_a_line_that_names_its_place() {
    live(&Disk::new(&Image::default()), async |rig| {
        let status = rig.run_file();
        letter(rig, 0).await;
        letter(rig, 1).await;
        rig.pass(1000).await;
        assert_eq!(status.get(), SinkState::Running);
        let text = rig.text();
        assert_eq!(numbers(&text), [0, 1]);
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["payload"], "body 0 \"\n");
        assert_eq!(
            (line["customer"].as_str(), line["reason"].as_str()),
            (Some("acme"), Some("a \"reason\"\n"))
        );
        assert_eq!(line["time"], "2025-12-28T18:00:00Z");
    });
}

/// What a file of two letters is after somebody changed it while the process was down, and two more letters came.
fn after(change: impl FnOnce(&Disk)) -> String {
    let disk = Disk::new(&Image::default());
    live(&disk, async |rig| {
        rig.run_file();
        letter(rig, 0).await;
        letter(rig, 1).await;
        rig.pass(1000).await;
    });
    let disk = Disk::new(&disk.killed());
    change(&disk);
    live(&disk, async |rig| {
        rig.run_file();
        letter(rig, 2).await;
        letter(rig, 3).await;
        rig.pass(1000).await;
        rig.text()
    })
}

#[test]
fn it_goes_on_behind_the_last_line() {
    assert_eq!(numbers(&after(|_| ())), [0, 1, 2, 3]);
}

#[test]
fn a_torn_last_line_is_replaced() {
    let text = after(|disk| {
        let file = disk.open(Path::new(FILE), Mode::Write).unwrap();
        let len = file.len().unwrap();
        file.write_at(&[IoSlice::new(b"{\"letter\":2,\"ti")], len).unwrap();
    });
    assert_eq!(numbers(&text), [0, 1, 2, 3]);
}

#[test]
fn a_letter_that_was_cut_off_comes_again_only_if_its_position_was_not_committed() {
    // Each commit of the file is final, so that the group knows better than a file that somebody cut.
    let text = after(|disk| disk.open(Path::new(FILE), Mode::Write).unwrap().set_len(10).unwrap());
    assert_eq!(numbers(&text), [2, 3]);
}

#[test]
fn a_file_that_was_rotated_away_begins_anew_without_the_old_letters() {
    let text = after(|disk| disk.rename(Path::new(FILE), Path::new("/letters/old")).unwrap());
    assert_eq!(numbers(&text), [2, 3]);
}

#[test]
fn no_crash_writes_a_letter_twice_or_leaves_one_out() {
    let disk = Disk::new(&Image::default());
    live(&disk, async |rig| {
        for n in 0..4 {
            letter(rig, n).await;
        }
    });
    let begin = disk.killed();
    let points = each_crash(&begin, Rig::run_file, &async |rig, n| {
        assert_eq!(numbers(&rig.text()), [0, 1, 2, 3], "crashed at change {n}");
    });
    assert!(points > 5, "{points}");
}

#[test]
fn a_file_that_cannot_be_written_is_waited_for() {
    let disk = Disk::new(&Image::default());
    live(&disk, async |rig| {
        letter(rig, 0).await;
        let used = (1u64 << 40) - disk.space(Path::new("/")).unwrap().free;
        disk.set_capacity(Some(used + 20));
        let status = rig.run_file();
        rig.pass(5000).await;
        assert!(matches!(status.get(), SinkState::Waiting(_)), "{:?}", status.get());
        disk.set_capacity(None);
        rig.pass(20_000).await;
        assert_eq!(status.get(), SinkState::Running);
        assert_eq!(numbers(&rig.text()), [0]);
    });
}
