//! A disk that fails to sync, or is full.

use super::*;
use crate::contract::{Class, CommitError};

/// Records that a new group has to read, and all that were accepted.
async fn depth(log: &EmbeddedLog) -> (u64, u64) {
    let depth = log.depth(&web(), &Group::new("new").unwrap()).await.unwrap();
    depth.records.map(|records| (records.queued, records.accepted)).unwrap()
}

/// After a failed sync: `Unknown`, never delivered, no damage, and the log goes on in another segment.
#[test]
fn a_failed_sync_is_unknown_and_never_delivered() {
    sim(|clock| async move {
        for before in [0, 3] {
            let disk = empty();
            let (log, _) = open(&clock, &disk);
            let (_sub, mut reader) = join(&log).await;
            fill(&log, P0, 0..before, 0).await;
            reader.start(Start::Oldest).await.unwrap();
            pause().await;
            disk.fail_sync(0);
            assert!(unknown(&log.append(frame(P0, 50, 0)).await));
            assert_eq!(all(&log, P0).await.numbers(), (0..before).collect::<Vec<_>>());
            pause().await;
            let offset = put(&log, frame(P0, 60, 0)).await;
            assert_eq!(offset, before + 1, "the offset of the lost frame stays used");
            let expected: Vec<u64> = (0..before).chain([60]).collect();
            let mut seen = Seen::default();
            for _ in &expected {
                seen.take(reader.next().await.unwrap());
            }
            assert_eq!((seen.numbers(), seen.damaged), (expected.clone(), vec![]), "{before} before");
            let records: u64 = expected.iter().map(|n| u64::from(records(*n))).sum();
            assert_eq!(depth(&log).await, (records, records));
            assert_eq!(offsets_in_second_segment(&disk), [before + 1], "{before} before");
            let (log, opened) = open(&clock, &Disk::new(&disk.power_cut(before)));
            assert_eq!((opened.damaged, opened.cut), (vec![], None));
            let seen = all(&log, P0).await;
            assert_eq!((seen.numbers(), seen.damaged), (expected, vec![]));
            assert_eq!(depth(&log).await, (records, records));
        }
    });
}

fn offsets_in_second_segment(disk: &Disk) -> Vec<Offset> {
    let file = logmill_world::Fs::open(disk, &segment(2), Mode::Read).unwrap();
    let mut walk = Walk::new(&*file, 2, None).unwrap();
    let (mut at, mut offsets) = (0, Vec::new());
    while let Some(head) = walk.next(at).unwrap() {
        at = head.place.at as usize + head.span();
        offsets.extend((head.kind == Kind::Data).then_some(head.offset));
    }
    offsets
}

/// The key of a frame whose fate is not known can be sent again, and counts once.
#[test]
fn a_key_of_unknown_fate_can_be_repeated() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        let keyed = || {
            let mut append = frame(P0, 5, 0);
            append.header.key = Some(key(5));
            append
        };
        disk.fail_sync(0);
        assert!(unknown(&log.append(keyed()).await));
        let offset = put(&log, keyed()).await;
        let Appended::Duplicate { first, .. } = log.append(keyed()).await.unwrap() else { panic!() };
        assert_eq!(first.offset, offset);
        assert_eq!(all(&log, P0).await.numbers(), [5]);
        let (log, _) = open(&clock, &Disk::new(&disk.killed()));
        assert_eq!(all(&log, P0).await.numbers(), [5]);
        assert!(matches!(log.append(keyed()).await, Ok(Appended::Duplicate { .. })));
    });
}

/// A position whose sync failed is not moved for this process; the next commit moves it.
#[test]
fn a_commit_whose_sync_failed_is_unknown() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        fill(&log, P0, 0..4, 0).await;
        let (sub, mut reader) = join(&log).await;
        reader.start(Start::Oldest).await.unwrap();
        pause().await;
        disk.fail_sync(0);
        let commit = reader.commit(2, &note("two")).await;
        assert!(matches!(commit, Err(CommitError::Unknown(_))), "{commit:?}");
        drop((sub, reader));
        assert_eq!(position(&log).await, None);
        let (_sub, mut reader) = join(&log).await;
        reader.commit(3, &note("three")).await.unwrap();
        let (log, _) = open(&clock, &Disk::new(&disk.power_cut(1)));
        assert_eq!(position(&log).await, Some(3));
        assert_eq!(all(&log, P0).await.numbers(), [0, 1, 2, 3]);
    });
}

/// A scan that began before does not run past its end over offsets that were never acknowledged.
#[test]
fn a_scan_stops_at_its_end_behind_unused_offsets() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        fill(&log, P0, 0..2, 0).await;
        disk.fail_sync(0);
        assert!(unknown(&log.append(frame(P0, 50, 0)).await));
        put(&log, frame(P1, 60, 0)).await;
        let mut scan = log.scan(&web(), P0, Start::Oldest).await.unwrap();
        fill(&log, P0, 70..72, 0).await;
        let mut seen = Seen::default();
        while let Some(delivery) = scan.next().await.unwrap() {
            seen.take(delivery);
        }
        assert_eq!(seen.numbers(), [0, 1]);
    });
}

/// The sync of a new segment's first frame fails: nothing is lost, the next append begins it again.
#[test]
fn a_new_segment_that_cannot_be_begun_is_tried_again() {
    sim(|clock| async move {
        for nth in 0..5 {
            let disk = empty();
            let (log, _) = open(&clock, &disk);
            fill(&log, P0, 0..5, 8000).await;
            disk.fail_sync(nth);
            let (mut n, mut stored) = (5, vec![0, 1, 2, 3, 4]);
            while n < 12 {
                match log.append(frame(P0, n, 8000)).await {
                    Ok(_) => stored.push(n),
                    Err(error) => assert!(matches!(error, AppendError::Refused(_) | AppendError::Unknown(_))),
                }
                n += 1;
            }
            assert!(stored.len() >= 11, "{nth}: {stored:?}");
            let (log, opened) = open(&clock, &Disk::new(&disk.power_cut(nth)));
            let seen = all(&log, P0).await;
            assert_eq!((seen.numbers(), seen.damaged), (stored, vec![]), "{nth}: {opened:?}");
        }
    });
}

fn full(answer: &Result<Appended, AppendError>) -> bool {
    matches!(answer, Err(AppendError::Refused(error)) if error.class == Class::Full)
}

/// The disk is full: appends are refused as `Full`, positions still move, and with room it goes on.
#[test]
fn a_full_disk_refuses_appends_and_takes_positions() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        disk.set_capacity(Some(u64::from(SEGMENT) * 2));
        let mut stored = Vec::new();
        let refused = loop {
            let n = stored.len() as u64;
            let mut append = frame(P0, n, 4000);
            append.header.key = Some(key(n));
            match log.append(append).await {
                Ok(_) => stored.push(n),
                refused => break refused,
            }
        };
        assert!(full(&refused), "{refused:?}");
        let (_sub, mut reader) = join(&log).await;
        reader.start(Start::Oldest).await.unwrap();
        for upto in 1..20 {
            reader.commit(upto.min(stored.len() as u64), &note(&"n".repeat(100))).await.unwrap();
            assert!(full(&log.append(frame(P0, 500, 4000)).await));
        }
        disk.set_capacity(None);
        let next = stored.len() as u64;
        put(&log, frame(P0, next, 4000)).await;
        stored.push(next);
        assert_eq!(all(&log, P0).await.numbers(), stored);
        let (log, opened) = open(&clock, &Disk::new(&disk.power_cut(3)));
        assert_eq!(opened.damaged, []);
        let seen = all(&log, P0).await;
        assert_eq!((seen.numbers(), seen.damaged), (stored.clone(), vec![]));
        assert_eq!(position(&log).await, Some(19.min(next)));
    });
}

/// Appends that are refused again and again leave nothing behind that would fill the disk further.
#[test]
fn refusals_of_a_full_disk_do_not_add_up() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        let keyed = |n| {
            let mut append = frame(P0, n, 8000);
            append.header.key = Some(key(n));
            append
        };
        for n in 0..6 {
            put(&log, keyed(n)).await;
        }
        let space = logmill_world::Fs::space(&disk, Path::new(DIR)).unwrap();
        // Not even the keys of the segment that ends can be written.
        disk.set_capacity(Some(space.total - space.free + 1000));
        let mut stored = 6;
        for n in 6..40 {
            match log.append(keyed(n)).await {
                Ok(_) => stored += 1,
                refused => assert!(full(&refused), "{refused:?}"),
            }
        }
        assert!(stored < 10);
        let left = logmill_world::Fs::list(&disk, &Path::new(DIR).join("keys")).unwrap();
        assert_eq!(left, Vec::<String>::new());
        disk.set_capacity(None);
        put(&log, keyed(50)).await;
        assert!(matches!(log.append(keyed(3)).await, Ok(Appended::Duplicate { .. })));
    });
}

/// Less free than the reserve: refused with a reason, consumed segments go first, and room ends the trouble.
#[test]
fn a_low_disk_gives_consumed_segments_back_before_it_refuses() {
    sim(|clock| async move {
        let disk = empty();
        let config = LogConfig { reserve_bytes: u64::from(SEGMENT) * 3, ..config() };
        let (log, _) = open_as(&clock, &disk, &config);
        let (mut sub, mut reader) = join(&log).await;
        let Event::Assigned(mut other) = sub.next().await.unwrap() else { panic!() };
        fill(&log, P0, 0..60, 8000).await;
        pause().await;
        assert!(log.trouble().is_none());
        let space = logmill_world::Fs::space(&disk, Path::new(DIR)).unwrap();
        disk.set_capacity(Some(space.total - space.free + u64::from(SEGMENT)));
        pause().await;
        assert!(full(&log.append(frame(P0, 60, 8000)).await));
        assert!(log.trouble().is_some());
        reader.start(Start::Oldest).await.unwrap();
        reader.commit(50, &note("")).await.unwrap();
        other.commit(0, &note("")).await.unwrap();
        pause().await;
        assert!(log.trouble().is_none(), "{:?}", log.trouble());
        put(&log, frame(P0, 60, 8000)).await;
        assert_eq!(
            scan(&log, &web(), P0, Start::At(log.id(), 50)).await.numbers(),
            (50..61).collect::<Vec<_>>()
        );
    });
}
