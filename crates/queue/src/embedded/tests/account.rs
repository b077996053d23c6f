//! What is lost is told at each start, and retention takes no part of it away from who has not heard of it.

use super::*;

/// A log of some segments, closed in good order: the frame with number `n` is in the partition that is asked for.
async fn closed_log(clock: &Arc<SimClock>, count: u64, lane: impl Fn(u64) -> Partition) -> Image {
    let disk = empty();
    let (log, _) = open(clock, &disk);
    for n in 0..count {
        put(&log, frame(lane(n), n, 3000)).await;
    }
    drop(log);
    pause().await;
    disk.killed()
}

/// Nothing of a closed segment can be read any more, nor of what is made from it.
fn lose(image: &mut Image, number: u64) {
    for path in [segment(number), segment(number).with_extension("idx")] {
        image.get_mut(&path).unwrap().fill(0);
    }
}

/// A segment has lost its begin, the snapshot that tells all that came before, up to a frame.
fn lose_begin(image: &mut Image, number: u64, upto: usize) {
    let to = frames(image, number)[upto].place.at as usize;
    image.get_mut(&segment(number)).unwrap()[..to].fill(0);
}

/// The offsets that a segment holds of partition 0.
fn held(image: &Image, number: u64) -> std::ops::Range<u64> {
    let heads = frames(image, number);
    let data = data(&heads, P0);
    data[0].offset..data[data.len() - 1].offset + 1
}

/// How all frames of a partition with these offsets and numbers are damaged.
fn lost(offsets: std::ops::Range<u64>) -> (Offset, Offset, u64) {
    (offsets.start, offsets.end, offsets.map(|n| u64::from(records(n))).sum())
}

/// What the group `g` has read goes soon.
fn kept_for_a_reader() -> LogConfig {
    let readers = vec![(Group::new("g").unwrap(), web())];
    LogConfig { readers, retention_age: Duration::from_secs(1), ..config() }
}

/// The group `g` has read partition 0 up to here.
async fn commit(clock: &Arc<SimClock>, image: &Image, upto: Offset) -> Image {
    let disk = Disk::new(image);
    let (log, _) = open(clock, &disk);
    join(&log).await.1.commit(upto, &note("")).await.unwrap();
    drop(log);
    pause().await;
    disk.killed()
}

/// Starts a log again and again, with time for retention: the same is damaged for who reads from a place on.
async fn told_each_time(
    clock: &Arc<SimClock>,
    mut image: Image,
    config: &LogConfig,
    (partition, from): (Partition, Offset),
    expected: (Offset, Offset, u64),
) {
    for start in 1..=3 {
        let disk = Disk::new(&image);
        let (log, _) = open_as(clock, &disk, config);
        for when in ["at once", "after a while"] {
            let seen = scan(&log, &web(), partition, Start::At(log.id(), from)).await;
            assert_eq!(seen.damaged, [expected], "start {start}, {when}");
            pause().await;
        }
        drop(log);
        pause().await;
        image = disk.killed();
    }
}

/// Of the first segment nothing is left, and the snapshot behind it is lost as well: that the log begins with a later
/// frame is all that tells of it. A reader who has not committed holds the segment none the less.
#[test]
fn a_lost_first_segment_is_told_at_each_start() {
    sim(|clock| async move {
        let mut image = closed_log(&clock, 24, |_| P0).await;
        let gone = held(&image, 1);
        lose(&mut image, 1);
        lose_begin(&mut image, 2, 1);
        told_each_time(&clock, image, &kept_for_a_reader(), (P0, 0), lost(gone)).await;
    });
}

/// What nobody reads goes by age, and a segment that tells no arrival is not older than the next one.
#[test]
fn a_lost_segment_that_nobody_reads_is_not_old() {
    sim(|clock| async move {
        let mut image = closed_log(&clock, 24, |_| P0).await;
        let gone = held(&image, 1);
        lose(&mut image, 1);
        told_each_time(&clock, image, &config(), (P0, 0), lost(gone)).await;
    });
}

/// A reader has committed all of the first segment and stands before one that is lost: that one did not expire.
#[test]
fn a_lost_segment_in_the_middle_does_not_expire_before_it_was_told() {
    sim(|clock| async move {
        let mut image = closed_log(&clock, 45, |_| P0).await;
        let gone = held(&image, 2);
        lose(&mut image, 2);
        let image = commit(&clock, &image, gone.start).await;
        told_each_time(&clock, image, &kept_for_a_reader(), (P0, gone.start), lost(gone)).await;
    });
}

/// The only frame of a partition behind segments that expired is lost, with the snapshot in front of it: the
/// segment before holds nothing of the partition, but its snapshot knows where it stood.
#[test]
fn a_lost_frame_that_only_an_older_snapshot_tells_of_is_told_at_each_start() {
    sim(|clock| async move {
        let lane = |n| if [0, 36, 40].contains(&n) { P1 } else { P0 };
        let image = commit(&clock, &closed_log(&clock, 45, lane).await, 42).await;
        let heads = frames(&image, 3);
        let [frame, behind] = data(&heads, P1)[..] else { panic!("two frames in segment 3") };
        assert_eq!((data(&frames(&image, 2), P1).len(), frame.offset, behind.offset), (0, 1, 2));
        let upto = heads.iter().position(|head| head.place == frame.place).unwrap() + 1;
        let mut changed = image.clone();
        lose_begin(&mut changed, 3, upto);
        let disk = Disk::new(&changed);
        for path in [segment(1), segment(1).with_extension("idx")] {
            logmill_world::Fs::remove(&disk, &path).unwrap();
        }
        logmill_world::Fs::sync_dir(&disk, Path::new(DIR)).unwrap();
        let expected = (1, 2, u64::from(frame.header.count));
        told_each_time(&clock, disk.killed(), &kept_for_a_reader(), (P1, 1), expected).await;
    });
}

/// The newest frames of a partition may be lost, so offsets are skipped. They have no records, and a reader who has
/// read everything is not waited for because of them.
#[test]
fn offsets_that_were_skipped_hold_no_segment() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        fill(&log, P0, 0..2, 300).await;
        fill(&log, P1, 0..1, 300).await;
        let mut image = disk.killed();
        let newest = parts(data(&frames(&image, 1), P0)[1]).0;
        image.get_mut(&segment(1)).unwrap()[newest].fill(0);
        let disk = Disk::new(&image);
        let (log, opened) = open_as(&clock, &disk, &kept_for_a_reader());
        assert_eq!(opened.damaged.len(), 1, "{opened:?}");
        let (mut sub, mut reader) = join(&log).await;
        reader.commit(1, &note("")).await.unwrap();
        let Event::Assigned(mut other) = sub.next().await.unwrap() else { panic!() };
        fill(&log, P1, 1..30, 3000).await;
        other.commit(30, &note("")).await.unwrap();
        pause().await;
        assert!(log.bounds(&web(), P0).await.unwrap().1 > 2, "offsets were skipped");
        let files = logmill_world::Fs::list(&disk, Path::new(DIR)).unwrap();
        assert!(!files.contains(&"0000000000000001.seg".to_owned()), "{files:?}");
    });
}
