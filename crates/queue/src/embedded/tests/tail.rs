//! The end of the log after a crash: what was never acknowledged is cut, and no offset is used twice.

use super::*;

/// The log as a crash leaves it right after its last answer, before any mark.
async fn crashed(clock: &Arc<SimClock>, write: impl AsyncFn(&EmbeddedLog)) -> Image {
    let disk = empty();
    let (log, _) = open(clock, &disk);
    pause().await;
    write(&log).await;
    disk.killed()
}

#[test]
fn a_torn_last_frame_is_cut_kept_and_named() {
    sim(|clock| async move {
        let image = crashed(&clock, async |log| fill(log, P0, 0..4, 500).await).await;
        let heads = frames(&image, 1);
        let last = heads.last().unwrap();
        let (from, to) = (last.place.at, last.place.at + last.span() as u32);
        let mut torn = image.clone();
        torn.get_mut(&segment(1)).unwrap()[to as usize - 100..].fill(0);
        let disk = Disk::new(&torn);
        let (log, opened) = open(&clock, &disk);
        assert_eq!(opened.cut, Some((1, from, to)));
        assert_eq!(opened.damaged, []);
        assert_eq!(all(&log, P0).await.numbers(), [0, 1, 2]);
        assert_eq!(put(&log, frame(P0, 9, 0)).await, 3, "nobody has seen the frame that was cut");
        drop(log);
        pause().await;
        let image = disk.killed();
        let kept = quarantined(&image);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].1, torn.get(&segment(1)).unwrap()[from as usize..to as usize]);
        let (log, opened) = open(&clock, &Disk::new(&image));
        assert_eq!((opened.cut, all(&log, P0).await.numbers()), (None, vec![0, 1, 2, 9]));
    });
}

async fn relay(log: &EmbeddedLog, n: u64) {
    let (_sub, mut reader) = join(log).await;
    reader.start(Start::Oldest).await.unwrap();
    let out = |n| Append { topic: Topic::new("out").unwrap(), ..frame(P1, n, 300) };
    reader.relay(vec![out(n), out(n + 1), out(n + 2)], 1, &note("x")).await.unwrap();
}

async fn outputs(log: &EmbeddedLog) -> Vec<u64> {
    scan(log, &Topic::new("out").unwrap(), P1, Start::Oldest).await.numbers()
}

#[test]
fn a_group_of_frames_is_there_as_a_whole_or_not_at_all() {
    sim(|clock| async move {
        let image = crashed(&clock, async |log| {
            fill(log, P0, 0..2, 0).await;
            relay(log, 10).await;
        })
        .await;
        let heads = frames(&image, 1);
        let group: Vec<&FrameHead> = heads.iter().rev().take(4).rev().collect();
        assert_eq!(group.iter().filter(|h| h.kind == Kind::Data).count(), 3);
        let (from, end) = (group[0].place.at, group[3].place.at + group[3].span() as u32);
        for head in &group {
            let (header, payload) = parts(head);
            for at in [header.start, header.end - 1, payload.start, payload.end - 1] {
                let mut torn = image.clone();
                flip(&mut torn, 1, at);
                let (log, opened) = open(&clock, &Disk::new(&torn));
                let Some((1, cut_from, cut_to)) = opened.cut else { panic!("byte {at}: {opened:?}") };
                assert_eq!(cut_from, from, "byte {at}");
                assert!(cut_to == end || head.last, "byte {at}: all of the group is named");
                assert_eq!(outputs(&log).await, Vec::<u64>::new(), "byte {at}");
                assert_eq!(position(&log).await, None, "byte {at}");
                assert_eq!(all(&log, P0).await.numbers(), [0, 1]);
            }
        }
        let (log, opened) = open(&clock, &Disk::new(&image));
        assert_eq!((opened.cut, position(&log).await), (None, Some(1)));
        assert_eq!(outputs(&log).await, [10, 11, 12]);
    });
}

/// Two crashes: frames of a group that was cut lie where the next group of the same shape is written.
#[test]
fn a_frame_that_was_cut_never_joins_a_later_group() {
    sim(|clock| async move {
        let image = crashed(&clock, async |log| {
            fill(log, P0, 0..2, 0).await;
            relay(log, 10).await;
        })
        .await;
        let heads = frames(&image, 1);
        let first = &heads[heads.len() - 4];
        let mut torn = image.clone();
        flip(&mut torn, 1, parts(first).1.start);
        let disk = Disk::new(&torn);
        let (log, opened) = open(&clock, &disk);
        assert!(opened.cut.is_some());
        let before = torn_copy(&disk);
        relay(&log, 20).await;
        let mut image = disk.killed();
        // Of the second group only the first frame reached the disk.
        let behind = first.place.at as usize + first.span();
        let left = before.get(&segment(1)).unwrap()[behind..].to_vec();
        image.get_mut(&segment(1)).unwrap()[behind..].copy_from_slice(&left);
        let (log, opened) = open(&clock, &Disk::new(&image));
        assert!(opened.cut.is_some());
        assert_eq!(outputs(&log).await, Vec::<u64>::new());
        assert_eq!(position(&log).await, None);
    });
}

/// The files as they are, without stopping the disk.
fn torn_copy(disk: &Disk) -> Image {
    let file = logmill_world::Fs::open(disk, &segment(1), Mode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    let copy = empty();
    logmill_world::Fs::create_dir_all(&copy, Path::new(DIR)).unwrap();
    let target = logmill_world::Fs::open(&copy, &segment(1), Mode::Create).unwrap();
    target.write_at(&[std::io::IoSlice::new(&bytes)], 0).unwrap();
    copy.killed()
}

/// The newest frames of a partition are gone for good: their offsets are not given to other frames.
#[test]
fn offsets_of_a_lost_tail_are_not_used_again() {
    sim(|clock| async move {
        for lost in 1..=5 {
            let image = crashed(&clock, async |log| {
                fill(log, P0, 0..6, 300).await;
                fill(log, P1, 10..12, 300).await;
            })
            .await;
            let heads = frames(&image, 1);
            let mut damaged = image.clone();
            for head in data(&heads, P0).iter().rev().take(lost) {
                let (header, payload) = parts(head);
                damaged.get_mut(&segment(1)).unwrap()[header.start..payload.end].fill(0);
            }
            let disk = Disk::new(&damaged);
            let (log, opened) = open(&clock, &disk);
            assert_eq!(opened.damaged.len(), 1, "{opened:?}");
            let next = put(&log, frame(P0, 99, 0)).await;
            assert!(next >= 6, "offset {next} was given before, {lost} were lost");
            assert_eq!(put(&log, frame(P1, 12, 0)).await, 2, "nothing was lost here");
            let kept: Vec<u64> = (0..6 - lost as u64).chain([99]).collect();
            assert_eq!(all(&log, P0).await.numbers(), kept);
            drop(log);
            pause().await;
            let (log, opened) = open(&clock, &Disk::new(&disk.killed()));
            assert_eq!(all(&log, P0).await.numbers(), kept);
            assert_eq!(opened.damaged.len(), 1, "it is still damaged");
            assert_eq!(put(&log, frame(P0, 100, 0)).await, next + 1);
        }
    });
}

/// A position survives the frames it stands behind: they count as given.
#[test]
fn offsets_below_a_position_are_not_used_again() {
    sim(|clock| async move {
        let image = crashed(&clock, async |log| {
            fill(log, P0, 0..6, 300).await;
            let (_sub, mut reader) = join(log).await;
            reader.start(Start::End).await.unwrap();
            reader.commit(6, &note("")).await.unwrap();
        })
        .await;
        let heads = frames(&image, 1);
        let mut damaged = image.clone();
        let range = parts(data(&heads, P0)[0]).0.start..parts(data(&heads, P0)[5]).1.end;
        damaged.get_mut(&segment(1)).unwrap()[range].fill(0);
        let (log, opened) = open(&clock, &Disk::new(&damaged));
        assert_eq!(opened.damaged.len(), 1);
        assert_eq!(position(&log).await, Some(6));
        assert!(put(&log, frame(P0, 99, 0)).await >= 6);
        let seen = all(&log, P0).await;
        assert_eq!((seen.numbers(), seen.lost()), (vec![99], (0..6).map(|n| u64::from(records(n))).sum()));
    });
}

/// A file that ends early, anywhere: what lies before is delivered, and the log goes on.
#[test]
fn a_file_that_was_cut_short_keeps_what_it_has() {
    sim(|clock| async move {
        let image = crashed(&clock, async |log| fill(log, P0, 0..6, 100).await).await;
        let heads = frames(&image, 1);
        let ends: Vec<usize> = data(&heads, P0).iter().map(|h| parts(h).1.end).collect();
        for len in (heads[0].span()..ends[5] + 64).step_by(13) {
            let mut short = image.clone();
            short.get_mut(&segment(1)).unwrap().truncate(len);
            let disk = Disk::new(&short);
            let (log, _) = open(&clock, &disk);
            let kept = ends.iter().filter(|end| **end <= len).count() as u64;
            let mut seen = all(&log, P0).await.numbers();
            // The padding of a frame may be missing, its bytes may not.
            assert_eq!(seen, (0..kept).collect::<Vec<_>>(), "{len}");
            put(&log, frame(P0, 99, 0)).await;
            seen.push(99);
            drop(log);
            pause().await;
            let (log, opened) = open(&clock, &Disk::new(&disk.killed()));
            assert_eq!((all(&log, P0).await.numbers(), opened.damaged), (seen, vec![]), "{len}");
        }
    });
}
