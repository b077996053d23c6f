//! One byte changes: a start always succeeds, everything else is delivered, and what is lost is named exactly.

use super::*;

/// Two partitions with frames, and a group that has committed some of them; closed in good order.
async fn closed_log(clock: &Arc<SimClock>, frames: u64, len: usize) -> Image {
    let disk = empty();
    let (log, _) = open(clock, &disk);
    let (sub, mut reader) = join(&log).await;
    for n in 0..frames {
        put(&log, frame(if n % 3 == 2 { P1 } else { P0 }, n, len)).await;
    }
    reader.start(Start::Oldest).await.unwrap();
    for _ in 0..3 {
        reader.next().await.unwrap();
    }
    reader.commit(3, &note("three")).await.unwrap();
    drop((log, sub, reader));
    pause().await;
    disk.killed()
}

fn expected(frames: u64, partition: Partition) -> Vec<u64> {
    (0..frames).filter(|n| (n % 3 == 2) == (partition == P1)).collect()
}

/// What must hold after a byte of the log was changed. `strict`: the byte belongs to a frame of data.
async fn check(clock: &Arc<SimClock>, image: &Image, total: u64, strict: bool, place: &str) {
    let disk = Disk::new(image);
    let (log, opened) = open(clock, &disk);
    let mut lost = 0;
    for partition in [P0, P1] {
        let expected = expected(total, partition);
        let seen = all(&log, partition).await;
        let found = seen.numbers();
        let missing: Vec<u64> = expected.iter().copied().filter(|n| !found.contains(n)).collect();
        assert!(found.iter().all(|n| expected.contains(n)) && found.is_sorted(), "{place}: {found:?}");
        let gone: u64 = missing.iter().map(|n| u64::from(records(*n))).sum();
        assert_eq!(seen.lost(), gone, "{place}: {seen:?} without {missing:?}, {opened:?}");
        lost += missing.len();
        let next = put(&log, frame(partition, 999, 0)).await;
        assert!(next >= expected.len() as u64, "{place}: offset {next} a second time");
    }
    assert!(lost <= 1, "{place}: one byte took {lost} frames");
    assert!(!strict || lost == 1, "{place}: a changed frame was delivered");
    let position = position(&log).await;
    assert!(position == Some(3) || !opened.damaged.is_empty(), "{place}: {position:?} in silence");
}

async fn flip_all(clock: &Arc<SimClock>, image: &Image, total: u64, step: usize, segments: u64) {
    for number in 1..=segments {
        for head in frames(image, number) {
            let (header, payload) = parts(&head);
            let end = head.place.at as usize + head.span();
            for at in (header.start..end).step_by(step) {
                let strict = head.kind == Kind::Data && (header.contains(&at) || payload.contains(&at));
                let mut changed = image.clone();
                flip(&mut changed, number, at);
                let place = format!("{:?} at {} of segment {number}, byte {at}", head.kind, head.place.at);
                check(clock, &changed, total, strict, &place).await;
            }
        }
    }
}

#[test]
fn any_changed_byte_of_one_segment_is_survived_and_named() {
    sim(|clock| async move {
        let image = closed_log(&clock, 12, 20).await;
        assert!(image.get(&segment(2)).is_none());
        flip_all(&clock, &image, 12, 5, 1).await;
    });
}

#[test]
fn any_changed_byte_of_two_segments_is_survived_and_named() {
    sim(|clock| async move {
        let image = closed_log(&clock, 24, 3000).await;
        assert!(image.get(&segment(2)).is_some() && image.get(&segment(3)).is_none());
        flip_all(&clock, &image, 24, 211, 2).await;
    });
}

/// Whole sectors that cannot be read: more than one frame may be gone, and the sum is still right.
#[test]
fn lost_sectors_are_counted_exactly() {
    sim(|clock| async move {
        let image = closed_log(&clock, 60, 200).await;
        let end = frames(&image, 1).last().unwrap().place.at as usize;
        for seed in 0..60 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (from, sectors) = (rng.usize(1..end / 512), rng.usize(1..6));
            let mut changed = image.clone();
            // The last mark stays: it is what tells the end of each partition.
            let to = ((from + sectors) * 512).min(end);
            changed.get_mut(&segment(1)).unwrap()[from * 512..to].fill(0);
            let (log, opened) = open(&clock, &Disk::new(&changed));
            assert!(!opened.damaged.is_empty(), "seed {seed}");
            for partition in [P0, P1] {
                let (expected, seen) = (expected(60, partition), all(&log, partition).await);
                let found = seen.numbers();
                let missing = expected.iter().filter(|n| !found.contains(n));
                assert_eq!(seen.lost(), missing.map(|n| u64::from(records(*n))).sum::<u64>(), "seed {seed}");
                assert!(put(&log, frame(partition, 999, 0)).await >= expected.len() as u64, "seed {seed}");
            }
        }
    });
}

/// Nothing of the first segment can be read but its last mark: it began with nothing, so all of it is missing.
#[test]
fn a_first_segment_that_is_lost_as_a_whole_is_told() {
    sim(|clock| async move {
        let image = closed_log(&clock, 12, 20).await;
        let mark = frames(&image, 1).pop().unwrap();
        assert_eq!(mark.kind, Kind::Mark);
        let mut changed = image.clone();
        changed.get_mut(&segment(1)).unwrap()[..mark.place.at as usize].fill(0);
        let (log, opened) = open(&clock, &Disk::new(&changed));
        assert_eq!(opened.damaged, [(1, 0, mark.place.at)]);
        for partition in [P0, P1] {
            let (expected, seen) = (expected(12, partition), all(&log, partition).await);
            assert_eq!(seen.lost(), expected.iter().map(|n| u64::from(records(*n))).sum::<u64>());
        }
    });
}

/// The same for a closed segment whose index is gone as well.
#[test]
fn a_first_segment_without_its_snapshot_and_index_is_told() {
    sim(|clock| async move {
        let image = closed_log(&clock, 24, 3000).await;
        let heads = frames(&image, 1);
        let upto = data(&heads, P0)[2].place.at as usize;
        let mut changed = image.clone();
        changed.get_mut(&segment(1)).unwrap()[..upto].fill(0);
        changed.get_mut(&segment(1).with_extension("idx")).unwrap().fill(0);
        let (log, _) = open(&clock, &Disk::new(&changed));
        for partition in [P0, P1] {
            let (expected, seen) = (expected(24, partition), all(&log, partition).await);
            let found = seen.numbers();
            let missing = expected.iter().filter(|n| !found.contains(n));
            assert_eq!(seen.lost(), missing.map(|n| u64::from(records(*n))).sum::<u64>(), "{seen:?}");
        }
        // The snapshot behind it is lost as well, and the index that was made again does not know the begin.
        let next = frames(&image, 2).remove(0);
        changed.get_mut(&segment(2)).unwrap()[..next.span()].fill(0);
        for _ in 0..2 {
            let disk = Disk::new(&changed);
            let (log, _) = open(&clock, &disk);
            let seen = all(&log, P0).await;
            assert_eq!(seen.numbers(), expected(24, P0)[2..]);
            assert_eq!(seen.damaged, [(0, 2, u64::from(records(0) + records(1)))]);
            changed = disk.killed();
        }
    });
}

/// A closed segment has lost its end, and nothing behind it can be read: its index still knows what it held.
#[test]
fn offsets_that_only_an_index_knows_are_not_used_again() {
    sim(|clock| async move {
        let image = closed_log(&clock, 24, 3000).await;
        let (closed, live) = (frames(&image, 1), frames(&image, 2));
        let mut changed = image.clone();
        changed.get_mut(&segment(1)).unwrap().truncate(closed.last().unwrap().place.at as usize);
        changed.get_mut(&segment(2)).unwrap()[parts(&live[0]).1.start..].fill(0);
        let disk = Disk::new(&changed);
        let (log, _) = open(&clock, &disk);
        let held = |partition| data(&closed, partition).len() as u64;
        for partition in [P0, P1] {
            assert!(put(&log, frame(partition, 999, 0)).await >= held(partition));
            let seen = all(&log, partition).await;
            let lost =
                expected(held(P0) + held(P1), partition).into_iter().filter(|n| !seen.numbers().contains(n));
            assert_eq!(seen.lost(), lost.map(|n| u64::from(records(n))).sum::<u64>());
        }
        drop(log);
        pause().await;
        let (log, _) = open(&clock, &Disk::new(&disk.killed()));
        for partition in [P0, P1] {
            assert_eq!(all(&log, partition).await.numbers().last(), Some(&999));
        }
    });
}

/// A group that stands right before a damaged frame hears of it, wherever it starts.
#[test]
fn a_damaged_frame_at_the_start_is_delivered_as_damage() {
    sim(|clock| async move {
        let image = closed_log(&clock, 12, 20).await;
        let heads = frames(&image, 1);
        let frames = data(&heads, P0);
        let lost = u64::from(frames[3].header.count);
        for at in [parts(frames[3]).1.start, parts(frames[3]).0.start + 90] {
            let mut changed = image.clone();
            flip(&mut changed, 1, at);
            let disk = Disk::new(&changed);
            let (log, _) = open(&clock, &disk);
            let (_sub, mut reader) = join(&log).await;
            assert_eq!(reader.committed().await.unwrap().unwrap().offset, 3);
            reader.start(Start::At(log.id(), 3)).await.unwrap();
            let delivery = reader.next().await.unwrap();
            let Delivery::Damaged { from: 3, to: 4, records } = delivery else { panic!("{delivery:?}") };
            assert_eq!(records, lost);
            let Delivery::Frame(next) = reader.next().await.unwrap() else { panic!() };
            assert_eq!(next.offset, 4);
            // What was passed over counts as read.
            reader.commit(4, &note("")).await.unwrap();
            let depth = log.depth(&web(), &Group::new("g").unwrap()).await.unwrap();
            let behind: u32 = frames[4..].iter().chain(&data(&heads, P1)).map(|h| h.header.count).sum();
            assert_eq!(depth.records.unwrap().queued, u64::from(behind));
            assert!(quarantined(&disk.killed()).iter().any(|(_, bytes)| !bytes.is_empty()));
        }
    });
}

/// The snapshot that a segment begins with is damaged: the segment before tells the same.
#[test]
fn a_damaged_snapshot_is_made_up_for_by_the_segment_before() {
    sim(|clock| async move {
        let image = closed_log(&clock, 24, 3000).await;
        let snapshot = frames(&image, 2).remove(0);
        assert_eq!(snapshot.kind, Kind::Snapshot);
        let (header, payload) = parts(&snapshot);
        for at in [header.start + 1, header.start + 60, payload.start + 3, payload.end - 1] {
            let mut changed = image.clone();
            flip(&mut changed, 2, at);
            let (log, opened) = open(&clock, &Disk::new(&changed));
            assert_eq!(opened.damaged, [(2, 0, snapshot.span() as u32)], "byte {at}");
            assert_eq!(position(&log).await, Some(3), "byte {at}");
            let (zero, one) = (all(&log, P0).await, all(&log, P1).await);
            assert_eq!((zero.numbers(), one.numbers()), (expected(24, P0), expected(24, P1)));
            assert_eq!((zero.damaged, one.damaged), (vec![], vec![]));
        }
    });
}

/// A whole file that is not a segment at all is no reason not to start.
#[test]
fn a_segment_of_random_bytes_does_not_stop_a_start() {
    sim(|clock| async move {
        for seed in 0..20 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut image = closed_log(&clock, 24, 3000).await;
            let number = rng.u64(1..3);
            rng.fill(image.get_mut(&segment(number)).unwrap());
            let (log, _) = open(&clock, &Disk::new(&image));
            put(&log, frame(P0, 999, 0)).await;
            assert_eq!(all(&log, P0).await.numbers().last(), Some(&999), "seed {seed}");
        }
    });
}
