//! Who owns a partition, and what a former owner can still do.

use std::collections::BTreeMap;
use std::time::Duration;

use logmill_queue::{CommitError, Event, Partition, Start, StartError};

use super::Harness;
use super::support::{
    Member, P0, Q, Reader, begin, committed, fill, hand_over, join, named, next, note, numbers, poll_once,
    soon, subscribe, waits,
};

/// Waits for `Revoking`; answers what is revoked and how long there is.
async fn revoking(member: &mut Member) -> (Partition, Duration) {
    match member.event().await {
        Event::Revoking { partition, epoch, within } => {
            assert_eq!(member.readers.get(&partition).unwrap().lease().epoch, epoch);
            (partition, within)
        }
        event => panic!("expected Revoking, got {}", named(&event)),
    }
}

async fn waiting(q: &Q, name: &str) -> Member {
    Member { sub: subscribe(q, name).await, readers: BTreeMap::new() }
}

async fn fenced(reader: &mut Reader, upto: u64) {
    assert!(!reader.lease().is_held());
    let commit = soon("a commit", reader.commit(upto, &note("late"))).await;
    assert!(matches!(commit, Err(CommitError::Fenced)), "{commit:?}");
    let start = soon("a start", reader.start(Start::Oldest)).await;
    assert!(matches!(start, Err(StartError::Fenced)), "{start:?}");
}

/// A second member: `Revoking`, commit and release in time, then `Assigned` there with a higher epoch.
pub async fn a_second_member_takes_over_what_is_released(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..6).await;
    let mut first = join(&q, "g").await;
    // Read before: while a member has to let go of a partition it may get nothing of the others either.
    let mut reader = begin(first.take(P0)).await;
    let read = next(&mut reader).await.offset + 1;
    first.readers.insert(P0, reader);
    let mut second = waiting(&q, "g").await;
    let (partition, within) = revoking(&mut first).await;
    assert!(!within.is_zero());
    assert!(waits(h, second.sub.next()).await, "nothing is assigned before it was released");
    let mut reader = first.take(partition);
    let (epoch, upto) = (reader.lease().epoch, if partition == P0 { read } else { 0 });
    soon("a commit", reader.commit(upto, &note("in time"))).await.unwrap();
    reader.release();
    hand_over(h, &mut first, &mut second).await;
    let mut reader = second.take(partition);
    assert!(reader.lease().epoch > epoch);
    let found = committed(&mut reader).await.unwrap();
    assert_eq!((found.offset, found.note.as_str()), (upto, "in time"));
}

/// A member that does not release loses its partitions: `Lost`, and every commit is fenced.
pub async fn what_is_not_released_is_lost(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..3).await;
    let mut first = join(&q, "g").await;
    let mut second = waiting(&q, "g").await;
    let (partition, _) = revoking(&mut first).await;
    let mut reader = first.take(partition);
    assert!(poll_once(second.sub.next()).await.is_none());
    h.advance(h.abilities().handover + Duration::from_secs(1)).await;
    second.next_assigned().await;
    while reader.lease().is_held() {
        second.next_assigned().await;
    }
    fenced(&mut reader, 1).await;
    loop {
        match first.event().await {
            Event::Lost { partition: lost, epoch } if lost == partition => {
                assert_eq!(epoch, reader.lease().epoch);
                break;
            }
            Event::Revoking { .. } | Event::Lost { .. } => {}
            event => panic!("expected Lost, got {}", named(&event)),
        }
    }
    while !second.readers.contains_key(&partition) {
        second.next_assigned().await;
    }
    assert_eq!(committed(&mut second.take(partition)).await, None, "nothing of the former owner counts");
}

/// `close` leaves the readers time to commit and release.
pub async fn close_waits_for_the_readers(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..3).await;
    let member = join(&q, "g").await;
    let Member { sub, readers } = member;
    let mut closing = sub.close(Duration::from_secs(5));
    assert!(poll_once(&mut closing).await.is_none(), "the readers are still at work");
    for (partition, reader) in readers {
        let mut reader = begin(reader).await;
        if partition == P0 {
            let upto = next(&mut reader).await.offset + 1;
            soon("a commit", reader.commit(upto, &note("bye"))).await.unwrap();
        }
        reader.release();
    }
    soon("close", closing).await.unwrap();
    let mut again = join(&q, "g").await;
    assert_eq!(committed(&mut again.take(P0)).await.unwrap().note.as_str(), "bye");
}

/// After `close` nothing is held any more, released or not.
pub async fn close_takes_what_is_not_released(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..3).await;
    let mut member = join(&q, "g").await;
    let mut kept = member.take(P0);
    soon("close", member.sub.close(Duration::from_millis(20))).await.unwrap();
    fenced(&mut kept, 1).await;
    let never_polled = subscribe(&q, "g").await;
    soon("close", never_polled.close(Duration::from_secs(5))).await.unwrap();
    let mut again = join(&q, "g").await;
    assert_eq!(committed(&mut again.take(P0)).await, None);
}

/// A subscription that is dropped holds nothing up, and its readers cannot commit.
pub async fn a_dropped_subscription_gives_everything_back(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut kept = member.take(P0);
    let epoch = kept.lease().epoch;
    drop(member);
    let mut again = join(&q, "g").await;
    assert!(again.take(P0).lease().epoch > epoch);
    fenced(&mut kept, 0).await;
}

/// A group whose last member left is served again, from its position, with growing epochs.
pub async fn partitions_are_assigned_again(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..6).await;
    let mut epoch = 0;
    for n in 0..3 {
        let mut member = join(&q, "g").await;
        let mut reader = begin(member.take(P0)).await;
        assert!(reader.lease().epoch > epoch);
        epoch = reader.lease().epoch;
        let frames = numbers(&mut reader, 2).await;
        assert_eq!(frames, [2 * n, 2 * n + 1]);
        let upto = soon("the position", reader.committed()).await.unwrap().map_or(0, |c| c.offset) + 2;
        soon("a commit", reader.commit(upto, &note(""))).await.unwrap();
        reader.release();
        member.readers.into_values().for_each(|reader| reader.release());
        soon("close", member.sub.close(Duration::from_secs(5))).await.unwrap();
    }
}

/// A third member that comes while the second waits still has to wait for the first: one owner at a time.
pub async fn a_third_member_does_not_overtake_the_first(h: &mut dyn Harness) {
    if !h.abilities().newest_takes_all {
        return;
    }
    let q = h.open().await;
    let mut first = join(&q, "g").await;
    let second = subscribe(&q, "g").await;
    let mut third = waiting(&q, "g").await;
    soon("close", second.close(Duration::ZERO)).await.unwrap();
    let mut owned = first.take(P0);
    if let Some(event) = poll_once(third.sub.next()).await {
        let Event::Assigned(reader) = event.unwrap() else { panic!("expected Assigned") };
        let partition = reader.lease().partition;
        let before = if partition == P0 { Some(&owned) } else { first.readers.get(&partition) };
        assert!(before.is_none_or(|before| !before.lease().is_held()), "two owners of {partition}");
    }
    h.advance(h.abilities().handover + Duration::from_secs(1)).await;
    while !third.readers.contains_key(&P0) {
        third.next_assigned().await;
    }
    fenced(&mut owned, 0).await;
}

/// A member that went away while it waited does not open the door for the next one.
pub async fn a_member_that_left_while_waiting_leaves_no_gap(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut first = join(&q, "g").await;
    drop(subscribe(&q, "g").await);
    let mut third = waiting(&q, "g").await;
    assert!(waits(h, third.sub.next()).await, "the first one still owns everything");
    assert!(first.take(P0).lease().is_held());
    h.advance(h.abilities().handover + Duration::from_secs(1)).await;
    third.next_assigned().await;
}

/// A commit that was on its way when its owner let go is seen by the next owner, or has failed.
pub async fn a_commit_under_way_is_seen_by_the_next_owner(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..40).await;
    for n in 0..10 {
        let mut member = join(&q, "g").await;
        let mut reader = begin(member.take(P0)).await;
        let upto = next(&mut reader).await.offset + 1;
        let text = note(&n.to_string());
        poll_once(reader.commit(upto, &text)).await;
        drop((reader, member));
        let mut member = join(&q, "g").await;
        let mut reader = member.take(P0);
        let at_first = committed(&mut reader).await;
        assert!(waits(h, std::future::pending::<()>()).await);
        drop((reader, member));
        let mut member = join(&q, "g").await;
        assert_eq!(committed(&mut member.take(P0)).await, at_first, "it landed behind the next owner's back");
    }
}
