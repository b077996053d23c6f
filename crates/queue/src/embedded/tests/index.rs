//! Index files are a cache, and old uses of a segment's file never show.

use super::*;

fn index_path(number: u64) -> PathBuf {
    segment(number).with_extension("idx")
}

/// Three segments of two partitions.
async fn three_segments(clock: &Arc<SimClock>) -> Image {
    let disk = empty();
    let (log, _) = open(clock, &disk);
    for n in 0..45 {
        put(&log, frame(if n % 3 == 2 { P1 } else { P0 }, n, 3000)).await;
    }
    drop(log);
    pause().await;
    let image = disk.killed();
    assert!(image.get(&index_path(2)).is_some() && image.get(&segment(3)).is_some());
    image
}

async fn complete(log: &EmbeddedLog) {
    let (zero, one) = (all(log, P0).await, all(log, P1).await);
    assert_eq!(zero.numbers(), (0..45).filter(|n| n % 3 != 2).collect::<Vec<_>>());
    assert_eq!(one.numbers(), (0..45).filter(|n| n % 3 == 2).collect::<Vec<_>>());
    assert_eq!((zero.damaged, one.damaged), (vec![], vec![]));
}

#[test]
fn an_absent_index_is_made_again() {
    sim(|clock| async move {
        let image = three_segments(&clock).await;
        let before = image.get(&index_path(1)).unwrap().to_vec();
        let disk = Disk::new(&image);
        logmill_world::Fs::remove(&disk, &index_path(1)).unwrap();
        logmill_world::Fs::remove(&disk, &index_path(2)).unwrap();
        let (log, opened) = open(&clock, &disk);
        complete(&log).await;
        assert_eq!(opened, Opened::default());
        assert_eq!(disk.killed().get(&index_path(1)).unwrap(), before, "the same as it was written first");
    });
}

#[test]
fn a_damaged_index_is_made_again() {
    sim(|clock| async move {
        let image = three_segments(&clock).await;
        let len = image.get(&index_path(1)).unwrap().len();
        for at in 0..len {
            let mut changed = image.clone();
            changed.get_mut(&index_path(1)).unwrap()[at] ^= 0x10;
            let disk = Disk::new(&changed);
            let (log, opened) = open(&clock, &disk);
            complete(&log).await;
            assert_eq!(opened, Opened::default(), "byte {at}");
            drop(log);
            pause().await;
            let (log, _) = open(&clock, &Disk::new(&disk.killed()));
            complete(&log).await;
        }
        let mut short = image.clone();
        short.get_mut(&index_path(1)).unwrap().truncate(len / 2);
        complete(&open(&clock, &Disk::new(&short)).0).await;
    });
}

/// The index is gone and a header is damaged as well: the loss is still delivered, exactly.
#[test]
fn an_index_made_over_damage_still_tells_what_is_missing() {
    sim(|clock| async move {
        let image = three_segments(&clock).await;
        for number in [1, 2] {
            let heads = frames(&image, number);
            for head in heads.iter().filter(|head| head.kind == Kind::Data) {
                let mut changed = image.clone();
                flip(&mut changed, number, head.place.at as usize + 30);
                let disk = Disk::new(&changed);
                logmill_world::Fs::remove(&disk, &index_path(number)).unwrap();
                let (log, _) = open(&clock, &disk);
                let seen = all(&log, head.partition).await;
                let expected = (head.offset, head.offset + 1, u64::from(head.header.count));
                assert_eq!(seen.damaged, [expected], "segment {number}");
                assert!(!seen.frames.iter().any(|(offset, _)| *offset == head.offset));
                let started = Start::At(log.id(), head.offset);
                assert_eq!(scan(&log, &web(), head.partition, started).await.damaged, [expected]);
            }
        }
    });
}

/// Consumed segments' files are used again; after any crash only their new frames are there.
#[test]
fn frames_of_an_older_use_never_show_up() {
    sim(|clock| async move {
        let disk = empty();
        let config = LogConfig { retention_bytes: u64::from(SEGMENT), ..config() };
        let (log, _) = open_as(&clock, &disk, &config);
        let (mut sub, mut reader) = join(&log).await;
        let Event::Assigned(mut other) = sub.next().await.unwrap() else { panic!() };
        other.commit(0, &note("")).await.unwrap();
        reader.start(Start::Oldest).await.unwrap();
        for n in 0..100 {
            put(&log, frame(P0, n, 5000)).await;
            reader.next().await.unwrap();
            reader.commit(n + 1, &note("")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
            if n >= 60 && n % 5 == 0 {
                crash_and_compare(&clock, &disk, &config, n).await;
            }
        }
        let files = logmill_world::Fs::list(&disk, Path::new(DIR)).unwrap();
        let kept = files.iter().filter(|name| name.ends_with(".seg") || name.ends_with(".spare")).count();
        assert!(kept <= 5, "{files:?}");
    });
}

/// Retention removes what a scan is reading, and the file is used again: that is named, and is no damage.
#[test]
fn a_scan_whose_frames_expire_says_so() {
    sim(|clock| async move {
        for read in [0, 3, 11, 12] {
            let disk = empty();
            let config = LogConfig { retention_bytes: u64::from(SEGMENT), ..config() };
            let (log, _) = open_as(&clock, &disk, &config);
            // A member that has not committed holds everything for now.
            let (sub, reader) = join(&log).await;
            fill(&log, P0, 0..30, 5000).await;
            let mut scan = log.scan(&web(), P0, Start::Oldest).await.unwrap();
            for n in 0..read {
                let Some(Delivery::Frame(frame)) = scan.next().await.unwrap() else { panic!() };
                assert_eq!(frame.offset, n);
            }
            drop((sub, reader));
            for n in 30..60 {
                put(&log, frame(P0, n, 5000)).await;
                tokio::time::sleep(Duration::from_millis(1100)).await;
            }
            for _ in 0..2 {
                let answer = scan.next().await;
                assert!(answer.is_err_and(|e| e.to_string().contains("expired")), "after {read}");
            }
            assert_eq!(quarantined(&disk.killed()), []);
        }
    });
}

/// Opens a copy of the disk as it is, with and without its index files.
async fn crash_and_compare(clock: &Arc<SimClock>, disk: &Disk, config: &LogConfig, newest: u64) {
    for with_index in [true, false] {
        let copy = empty();
        for folder in [DIR, "/data/log/keys"] {
            copy_folder(disk, &copy, Path::new(folder), with_index);
        }
        let (log, opened) = open_as(clock, &copy, config);
        assert_eq!((opened.damaged, opened.cut), (vec![], None), "after {newest}");
        let seen = all(&log, P0).await;
        assert_eq!(seen.damaged, [], "after {newest}");
        let first = *seen.numbers().first().unwrap();
        assert_eq!(seen.numbers(), (first..=newest).collect::<Vec<_>>());
        assert!(first > 0);
    }
}

fn copy_folder(from: &Disk, to: &Disk, folder: &Path, with_index: bool) {
    use logmill_world::Fs;
    to.create_dir_all(folder).unwrap();
    for name in from.list(folder).unwrap() {
        let path = folder.join(&name);
        let left_out = !with_index && name.ends_with(".idx");
        if let (Ok(bytes), false) = (from.read(&path, 1 << 30), left_out) {
            let file = to.open(&path, Mode::Create).unwrap();
            file.write_at(&[std::io::IoSlice::new(&bytes)], 0).unwrap();
            file.sync_data().unwrap();
        }
    }
    to.sync_dir(folder).unwrap();
}

/// A group that is known to read holds its frames also before it subscribed or committed, over restarts too.
#[test]
fn what_a_known_reader_has_not_read_is_kept_over_a_restart() {
    sim(|clock| async move {
        for known in [true, false] {
            let disk = empty();
            let readers = if known { vec![(Group::new("late").unwrap(), web())] } else { Vec::new() };
            let config = LogConfig { retention_bytes: u64::from(SEGMENT), readers, ..config() };
            let (log, _) = open_as(&clock, &disk, &config);
            fill(&log, P0, 0..60, 5000).await;
            pause().await;
            drop(log);
            pause().await;
            let (log, _) = open_as(&clock, &disk, &config);
            fill(&log, P0, 60..70, 5000).await;
            pause().await;
            let (oldest, _) = log.bounds(&web(), P0).await.unwrap();
            assert_eq!(oldest == 0, known, "the oldest offset is {oldest}");
        }
    });
}
