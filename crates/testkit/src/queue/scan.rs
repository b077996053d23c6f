//! Reading without a group, and what the queue tells of itself.

use logmill_queue::{Depth, LogId, Records, Scan, Start, StartError};

use super::Harness;
use super::support::{
    P0, P1, Q, all_of, begin, fill, fill_bytes, group, join, log, note, number, numbers, put, records, soon,
    web,
};

async fn rest(scan: &mut Box<dyn Scan>) -> Vec<u64> {
    let mut found = Vec::new();
    while let Some(delivery) = soon("a scan", scan.next()).await.unwrap() {
        match delivery {
            logmill_queue::Delivery::Frame(frame) => found.push(number(&frame)),
            other => panic!("expected a frame, got {other:?}"),
        }
    }
    found
}

/// A scan ends at the end as it was at the call, and stays there.
pub async fn a_scan_ends_where_the_log_ended(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut none = q.scan(&web(), P0, Start::Oldest).await.unwrap();
    fill(h, &q, P0, 0..5).await;
    let mut five = q.scan(&web(), P0, Start::Oldest).await.unwrap();
    fill(h, &q, P0, 5..9).await;
    assert_eq!(rest(&mut none).await, Vec::<u64>::new());
    assert_eq!(rest(&mut five).await, [0, 1, 2, 3, 4]);
    fill(h, &q, P0, 9..10).await;
    assert_eq!(rest(&mut five).await, Vec::<u64>::new());
}

/// `At`, `End`, and places where no scan can begin.
pub async fn a_scan_begins_where_it_is_told(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut offsets = Vec::new();
    for n in 0..5 {
        offsets.push(put(&q, super::support::numbered(h, P0, n)).await.offset);
    }
    let mut scan = q.scan(&web(), P0, Start::At(log(&q), offsets[2])).await.unwrap();
    assert_eq!(rest(&mut scan).await, [2, 3, 4]);
    let mut scan = q.scan(&web(), P0, Start::End).await.unwrap();
    assert_eq!(rest(&mut scan).await, Vec::<u64>::new());
    let beyond = q.scan(&web(), P0, Start::At(log(&q), offsets[4] + 2)).await.err();
    assert!(matches!(beyond, Some(StartError::Beyond { .. })), "{beyond:?}");
    let other = q.scan(&web(), P0, Start::At(LogId([7; 16]), offsets[2])).await.err();
    assert!(matches!(other, Some(StartError::OtherLog { .. })), "{other:?}");
}

/// A scan reads closed segments and the one that is written, before and after a restart.
pub async fn a_scan_crosses_segments(h: &mut dyn Harness) {
    let q = h.open().await;
    let frames = fill_bytes(h, &q, P0, 0, h.abilities().segment_bytes * 3).await;
    let all: Vec<u64> = (0..frames).collect();
    let offsets: Vec<u64> = all_of(&q, &web(), P0).await.iter().map(|frame| frame.offset).collect();
    let mut scan = q.scan(&web(), P0, Start::Oldest).await.unwrap();
    assert_eq!(rest(&mut scan).await, all);
    drop((q, scan));
    let q = h.open().await;
    let mut scan = q.scan(&web(), P0, Start::Oldest).await.unwrap();
    assert_eq!(rest(&mut scan).await, all);
    for from in [1, frames / 2, frames - 1] {
        let mut scan = q.scan(&web(), P0, Start::At(log(&q), offsets[from as usize])).await.unwrap();
        assert_eq!(rest(&mut scan).await, all[from as usize..]);
    }
}

fn sum(range: std::ops::Range<u64>) -> u64 {
    range.map(|n| u64::from(records(n))).sum()
}

fn counted(frames: u64, queued: u64, accepted: u64) -> Depth {
    Depth { frames, records: Some(Records { queued, accepted }) }
}

async fn depth(q: &Q, name: &str) -> Depth {
    soon("the depth", q.depth(&web(), &group(name))).await.unwrap()
}

/// Frames and records behind the position, over all partitions, if the queue counts them.
pub async fn depth_counts_frames_and_records(h: &mut dyn Harness) {
    let q = h.open().await;
    if !q.limits().counts_records {
        return;
    }
    assert_eq!(depth(&q, "g").await, counted(0, 0, 0));
    fill(h, &q, P0, 0..10).await;
    fill(h, &q, P1, 10..13).await;
    let accepted = sum(0..13);
    assert_eq!(depth(&q, "g").await, counted(13, accepted, accepted));
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let read = numbers(&mut reader, 7).await;
    assert_eq!(depth(&q, "g").await.frames, 13, "reading alone moves nothing");
    for upto in 1..=7u64 {
        soon("a commit", reader.commit(upto, &note(""))).await.unwrap();
        let records = accepted - sum(0..upto);
        assert_eq!(depth(&q, "g").await, counted(13 - upto, records, accepted));
    }
    assert_eq!(read.len(), 7);
    assert_eq!(depth(&q, "other").await, counted(13, accepted, accepted));
}

/// The same figures after a restart, and from a reader that began in the middle.
pub async fn depth_survives_restart(h: &mut dyn Harness) {
    let q = h.open().await;
    if !q.limits().counts_records {
        return;
    }
    fill(h, &q, P0, 0..10).await;
    drop(q);
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    reader.start(Start::At(log(&q), 4)).await.unwrap();
    let accepted = sum(0..10);
    for upto in [4, 6] {
        numbers(&mut reader, (upto - 4) as usize).await;
        soon("a commit", reader.commit(upto, &note(""))).await.unwrap();
        let expected = counted(10 - upto, accepted - sum(0..upto), accepted);
        assert_eq!(depth(&q, "g").await, expected);
    }
    drop((q, reader, member));
    let q = h.open().await;
    let expected = counted(4, accepted - sum(0..6), accepted);
    assert_eq!(depth(&q, "g").await, expected);
}

/// The partitions of a topic: those that new frames are spread over, counted from 0.
pub async fn partitions_are_named(h: &mut dyn Harness) {
    let q = h.open().await;
    let expected: Vec<_> = (0..h.abilities().partitions).map(logmill_queue::Partition).collect();
    assert_eq!(q.partitions(&web()).await.unwrap(), expected);
    fill(h, &q, P1, 0..1).await;
    assert_eq!(q.partitions(&web()).await.unwrap(), expected);
}
