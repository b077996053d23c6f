//! Disks that fail, and journals that are torn or damaged.

use std::path::{Path, PathBuf};

use logmill_queue::{Sink, SinkError};
use logmill_world::sim::{Disk, Image};

use super::rig::{Rig, files_of, record, records, simulate};

const FILE: &str = "2025-12-28/18.log.json";

fn journal(image: &Image) -> PathBuf {
    let is_journal = |path: &Path| path.to_str().is_some_and(|path| path.contains(".logmill/journal-"));
    let mut found: Vec<_> =
        image.iter().map(|(path, _)| path.to_path_buf()).filter(|path| is_journal(path)).collect();
    found.sort();
    found.pop().unwrap()
}

/// A disk with three flushes since the checkpoint, and the length of the journal before each.
fn flushed() -> (Image, Vec<usize>) {
    let disk = Disk::new(&Image::default());
    let lengths = simulate(async {
        let rig = Rig::new(&disk);
        let mut reading = rig.open().await.unwrap();
        let mut lengths = Vec::new();
        for path in ["/a", "/b", "/c"] {
            lengths.push(journal_len(&disk));
            rig.put(18, path).await;
            rig.deliver(&mut reading).await.unwrap();
        }
        lengths
    });
    (disk.killed(), lengths)
}

fn journal_len(disk: &Disk) -> usize {
    use logmill_world::Fs;
    let dir = Path::new("/files/logs/.logmill");
    let name = disk.list(dir).unwrap().into_iter().filter(|name| name.starts_with("journal-")).max().unwrap();
    disk.read(&dir.join(name), 1 << 30).unwrap().len()
}

/// The lines after the next process has delivered everything, or why it stops.
fn next_process(image: &Image) -> Result<String, String> {
    let disk = Disk::new(image);
    simulate(async {
        let rig = Rig::new(&disk);
        let mut reading = match rig.open().await {
            Ok(reading) => reading,
            Err(SinkError::Stop(error)) => return Err(error.to_string()),
            Err(other) => panic!("{other:?}"),
        };
        rig.deliver(&mut reading).await.unwrap();
        Ok(rig.file(FILE).unwrap())
    })
}

/// As it is before the lines of the last flush were written.
fn without_the_last_lines(image: &mut Image) {
    let path = Path::new("/files/logs").join(FILE);
    image.get_mut(&path).unwrap().truncate(records(18, &["/a", "/b"]).len());
}

#[test]
fn a_torn_last_record_is_dropped() {
    let (image, lengths) = flushed();
    let path = journal(&image);
    let whole = image.get(&path).unwrap().len();
    for len in lengths[2]..whole {
        for fill in [None, Some(0), Some(0xff)] {
            let mut image = image.clone();
            without_the_last_lines(&mut image);
            let bytes = image.get_mut(&path).unwrap();
            bytes.truncate(len);
            if let Some(fill) = fill {
                // The file's length was durable and its content was not.
                bytes.resize(whole, fill);
            }
            let lines = next_process(&image);
            assert_eq!(lines, Ok(records(18, &["/a", "/b", "/c"])), "cut at {len}, filled with {fill:?}");
        }
    }
}

#[test]
fn a_journal_that_is_damaged_otherwise_stops_with_advice() {
    let (image, lengths) = flushed();
    let path = journal(&image);
    for at in (0..lengths[2]).step_by(3) {
        let mut image = image.clone();
        image.get_mut(&path).unwrap()[at] ^= 0x10;
        let reason = next_process(&image).expect_err("the lines behind the damage would come twice");
        assert!(
            reason.contains("logmill queue adopt --from oldest|end") && reason.contains("damaged"),
            "{reason}"
        );
    }
}

#[test]
fn an_empty_journal_stops_with_advice() {
    let (mut image, _) = flushed();
    let path = journal(&image);
    image.get_mut(&path).unwrap().clear();
    assert!(next_process(&image).unwrap_err().contains("logmill queue adopt"));
}

#[test]
fn a_full_disk_delays_the_lines_and_repeats_none() {
    for room in (0..1500).step_by(7) {
        simulate(async {
            let disk = Disk::new(&Image::default());
            let rig = Rig::new(&disk);
            let mut reading = rig.open().await.unwrap();
            for n in 0..3 {
                rig.put(18 + n, "/x").await;
            }
            let staged = [rig.stage(&mut reading).await.unwrap()];
            let used = (1u64 << 40) - logmill_world::Fs::space(&disk, Path::new("/")).unwrap().free;
            disk.set_capacity(Some(used + room));
            let mut failed = 0;
            while rig.sink.commit(&staged).await.is_err() {
                failed += 1;
                let _ = rig.sink.checkpoint().await;
                if failed == 2 {
                    disk.set_capacity(None);
                }
            }
            disk.set_capacity(None);
            rig.sink.checkpoint().await.unwrap();
            for n in 0..3 {
                let file = rig.file(&format!("2025-12-28/{}.log.json", 18 + n)).unwrap();
                assert_eq!(file, record(18 + n, "/x"), "room for {room} bytes");
            }
        });
    }
}

#[test]
fn a_sync_that_fails_is_never_trusted_again() {
    // Each data sync between the first line and the checkpoint fails once.
    for nth in 0..6 {
        let disk = Disk::new(&Image::default());
        simulate(async {
            let rig = Rig::new(&disk);
            rig.put(18, "/a").await;
            rig.put(19, "/b").await;
            let mut reading = rig.open().await.unwrap();
            let staged = [rig.stage(&mut reading).await.unwrap()];
            disk.fail_sync(nth);
            while rig.sink.commit(&staged).await.is_err() {}
            while rig.sink.checkpoint().await.is_err() {}
        });
        for seed in 0..8 {
            let files = files_of(&disk.power_cut(seed));
            assert_eq!(files.get(FILE), Some(&record(18, "/a")), "sync {nth}, seed {seed}");
            assert_eq!(
                files.get("2025-12-28/19.log.json"),
                Some(&record(19, "/b")),
                "sync {nth}, seed {seed}"
            );
        }
    }
}

#[test]
fn a_lease_that_is_lost_between_two_tries_leaves_a_sink_that_goes_on() {
    simulate(async {
        let disk = Disk::new(&Image::default());
        let rig = Rig::new(&disk);
        let mut reading = rig.open().await.unwrap();
        rig.put(18, "/a").await;
        let staged = [rig.stage(&mut reading).await.unwrap()];
        let used = (1u64 << 40) - logmill_world::Fs::space(&disk, Path::new("/")).unwrap().free;
        // The flush record fits, the line does not.
        disk.set_capacity(Some(used + 160));
        assert!(rig.sink.commit(&staged).await.is_err());
        disk.set_capacity(None);
        drop(reading);
        rig.put(18, "/b").await;
        // As the runner does it: the same again, and anew from where the output has moved to.
        let mut reading = rig.open().await.unwrap();
        let staged = [rig.stage(&mut reading).await.unwrap()];
        let mut outcomes = rig.sink.commit(&staged).await;
        if outcomes.is_err() {
            outcomes = rig.sink.commit(&staged).await;
        }
        if matches!(outcomes.as_deref(), Ok([logmill_queue::Outcome::Moved { at: 1, .. }])) {
            drop(reading);
            reading = rig.open().await.unwrap();
            rig.deliver(&mut reading).await.unwrap();
        }
        rig.sink.checkpoint().await.unwrap();
        assert_eq!(rig.file(FILE).unwrap(), records(18, &["/a", "/b"]));
    });
}
