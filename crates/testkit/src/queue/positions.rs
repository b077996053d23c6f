//! Committed positions with their notes, and where reading begins.

use logmill_queue::{LogId, Note, Start, StartError};

use super::Harness;
use super::support::{
    P0, P1, begin, committed, fill, join, log, next, note, number, numbers, position_of, put, soon, waits,
};

/// A note comes back with its position: to the next owner, after a restart, after a crash.
pub async fn notes_reach_the_next_owner_and_a_restart(h: &mut dyn Harness) {
    let mut q = h.open().await;
    fill(h, &q, P0, 0..8).await;
    for (n, end) in ["drop", "restart", "crash", "crash"].into_iter().enumerate() {
        let mut member = join(&q, "g").await;
        let mut reader = begin(member.take(P0)).await;
        let frame = next(&mut reader).await;
        assert_eq!(number(&frame), n as u64);
        let text = format!("{{\"ende\":\"größer {end}\\n\"}}");
        soon("a commit", reader.commit(frame.offset + 1, &note(&text))).await.unwrap();
        if end == "crash" {
            h.crash().await;
        }
        drop((reader, member));
        if end != "drop" {
            drop(q);
            q = h.open().await;
        }
        assert_eq!(position_of(&q, "g", P0).await, Some((frame.offset + 1, text)));
        assert_eq!(position_of(&q, "g", P1).await, None);
    }
}

/// A note of the greatest size, of characters that are longer than a byte.
pub async fn the_longest_note_comes_back(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..2).await;
    let text = "ä".repeat(Note::MAX / 2);
    assert_eq!(text.len(), Note::MAX);
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let upto = next(&mut reader).await.offset + 1;
    soon("a commit", reader.commit(upto, &note(&text))).await.unwrap();
    drop((q, reader, member));
    let q = h.open().await;
    assert_eq!(position_of(&q, "g", P0).await, Some((upto, text)));
    assert!(Note::new("x".repeat(Note::MAX + 1)).is_err());
}

/// `Oldest`, `End`, and any offset between; the same reader may be started again.
pub async fn starts_at_oldest_end_and_inside(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut offsets = Vec::new();
    for n in 0..6 {
        offsets.push(put(&q, super::support::numbered(h, P0, n)).await.offset);
    }
    let end = offsets[5] + 1;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    for (n, offset) in offsets.iter().enumerate() {
        assert_eq!(reader.start(Start::At(log(&q), *offset)).await.unwrap(), *offset);
        let rest: Vec<u64> = (n as u64..6).collect();
        assert_eq!(numbers(&mut reader, rest.len()).await, rest);
    }
    assert!(reader.start(Start::Oldest).await.unwrap() <= offsets[0]);
    assert_eq!(numbers(&mut reader, 6).await, (0..6).collect::<Vec<_>>());
    for start in [Start::End, Start::At(log(&q), end)] {
        assert_eq!(reader.start(start).await.unwrap(), end);
        assert!(waits(h, reader.next()).await);
    }
    fill(h, &q, P0, 6..7).await;
    assert_eq!(numbers(&mut reader, 1).await, [6]);
    let mut empty = member.take(P1);
    empty.start(Start::Oldest).await.unwrap();
    fill(h, &q, P1, 9..10).await;
    assert_eq!(numbers(&mut empty, 1).await, [9]);
}

/// A start outside of the log is an error that names what is there; nothing is skipped in silence.
pub async fn starts_outside_are_named(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..3).await;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    let end = reader.start(Start::End).await.unwrap();
    for asked in [end + 1, u64::MAX] {
        match reader.start(Start::At(log(&q), asked)).await {
            Err(StartError::Beyond { asked: a, end: e }) => assert_eq!((a, e), (asked, end)),
            other => panic!("expected Beyond, got {other:?}"),
        }
    }
    let mut id = log(&q).0;
    id[3] ^= 1;
    match reader.start(Start::At(LogId(id), 0)).await {
        Err(StartError::OtherLog { asked, found }) => assert_eq!((asked, found), (LogId(id), log(&q))),
        other => panic!("expected OtherLog, got {other:?}"),
    }
    // The reader is still usable.
    reader.start(Start::Oldest).await.unwrap();
    assert_eq!(numbers(&mut reader, 3).await, [0, 1, 2]);
}

/// Positions of before are positions of the same log after a restart, and after a crash.
pub async fn a_restart_is_no_other_log(h: &mut dyn Harness) {
    let q = h.open().await;
    let before = put(&q, super::support::numbered(h, P0, 0)).await;
    drop(q);
    let q = h.open().await;
    assert_eq!(log(&q), before.log);
    h.crash().await;
    drop(q);
    let q = h.open().await;
    let after = put(&q, super::support::numbered(h, P0, 1)).await;
    assert_eq!((before.log, log(&q)), (after.log, after.log));
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    reader.start(Start::At(before.log, before.offset)).await.unwrap();
    assert_eq!(numbers(&mut reader, 2).await, [0, 1]);
}

/// After a crash a reader begins at the group's position: what was not committed comes again, nothing else.
pub async fn a_crash_delivers_again_from_the_position(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..10).await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    for n in 0..7 {
        let frame = next(&mut reader).await;
        if n == 3 {
            soon("a commit", reader.commit(frame.offset + 1, &note("4"))).await.unwrap();
        }
    }
    h.crash().await;
    drop((q, reader, member));
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    assert_eq!(numbers(&mut reader, 6).await, (4..10).collect::<Vec<_>>());
}

/// Groups neither share a position nor partitions.
pub async fn groups_are_independent(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..5).await;
    let (mut one, mut two) = (join(&q, "one").await, join(&q, "two").await);
    let (mut a, mut b) = (begin(one.take(P0)).await, begin(two.take(P0)).await);
    assert_eq!(numbers(&mut a, 5).await, numbers(&mut b, 5).await);
    let end = a.start(Start::End).await.unwrap();
    soon("a commit", a.commit(end, &note("one"))).await.unwrap();
    assert!(a.lease().is_held() && b.lease().is_held());
    drop((a, b, one, two));
    assert_eq!(position_of(&q, "one", P0).await, Some((end, "one".to_owned())));
    assert_eq!(position_of(&q, "two", P0).await, None);
}

/// A commit that is repeated after `Unknown` changes nothing; the last note is the one that counts.
pub async fn the_same_commit_twice_is_harmless(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..3).await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let upto = next(&mut reader).await.offset + 1;
    for text in ["a", "a", "b"] {
        soon("a commit", reader.commit(upto, &note(text))).await.unwrap();
    }
    assert_eq!(number(&next(&mut reader).await), 1, "a commit does not move the reader");
    drop((reader, member));
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    let found = committed(&mut reader).await.unwrap();
    assert_eq!((found.offset, found.note.as_str()), (upto, "b"));
}
