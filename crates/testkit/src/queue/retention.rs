//! What is removed, and above all what is not. Cases pass at once if the queue removes nothing by itself.

use std::time::Duration;

use logmill_queue::{Offset, Start, StartError};

use super::support::{
    P0, P1, Q, Reader, begin, fill_bytes, join, log, next, note, number, numbered, put, soon,
};
use super::{Harness, Retention};

const SECOND: Duration = Duration::from_secs(1);

/// Lets the queue look at its segments.
async fn settle(h: &dyn Harness, q: &Q, every: Duration, n: u64) {
    for step in 0..3 {
        h.advance(every + SECOND / 10).await;
        put(q, numbered(h, P1, n + step)).await;
    }
}

/// The oldest offset that can be read; before it, a start names it.
async fn oldest(q: &Q, reader: &mut Reader) -> Offset {
    let oldest = reader.start(Start::Oldest).await.unwrap();
    if oldest > 0 {
        match reader.start(Start::At(log(q), oldest - 1)).await {
            Err(StartError::Expired { asked, oldest: named }) => {
                assert_eq!((asked, named), (oldest - 1, oldest));
            }
            other => panic!("expected Expired, got {other:?}"),
        }
        reader.start(Start::Oldest).await.unwrap();
    }
    oldest
}

async fn commit(reader: &mut Reader, upto: Offset) {
    soon("a commit", reader.commit(upto, &note(""))).await.unwrap();
}

/// Five times what is kept, in partition 0; answers how many frames that is.
async fn much(h: &dyn Harness, q: &Q, r: Retention) -> u64 {
    fill_bytes(h, q, P0, 0, r.bytes * 5).await
}

/// Consumed segments beyond the size go, oldest first; what stays is whole and in order.
pub async fn consumed_segments_go_by_size(h: &mut dyn Harness) {
    let Some(r) = h.abilities().retention else { return };
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    let mut idle = begin(member.take(P1)).await;
    let frames = much(h, &q, r).await;
    let end = reader.start(Start::End).await.unwrap();
    commit(&mut reader, end).await;
    commit(&mut idle, 0).await;
    settle(h, &q, r.every, 0).await;
    let first = oldest(&q, &mut reader).await;
    assert!(first > 0, "nothing went");
    let kept = (end - first) * 64 * 1024;
    assert!(kept + h.abilities().segment_bytes >= r.bytes.min(frames * 64 * 1024), "{kept} bytes are left");
    for n in first..end {
        assert_eq!(number(&next(&mut reader).await), n);
    }
    drop((q, reader, idle, member));
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    assert_eq!(oldest(&q, &mut member.take(P0)).await, first, "the same after a restart");
}

/// Consumed segments that are old enough go, though there is room.
pub async fn consumed_segments_go_by_age(h: &mut dyn Harness) {
    let Some(r) = h.abilities().retention else { return };
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    let frames = fill_bytes(h, &q, P0, 0, h.abilities().segment_bytes * 2).await;
    let end = reader.start(Start::End).await.unwrap();
    commit(&mut reader, end).await;
    commit(&mut member.take(P1), 0).await;
    settle(h, &q, r.every, 0).await;
    assert_eq!(oldest(&q, &mut reader).await, 0, "there is room, and they are young");
    h.advance(r.age).await;
    settle(h, &q, r.every, 10).await;
    let first = oldest(&q, &mut reader).await;
    assert!(first > 0 && first <= frames);
}

/// What a group has not committed stays, whatever the size and age.
pub async fn a_position_holds_what_follows_it(h: &mut dyn Harness) {
    let Some(r) = h.abilities().retention else { return };
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    commit(&mut member.take(P1), 0).await;
    let frames = much(h, &q, r).await;
    let upto = frames / 2;
    reader.start(Start::Oldest).await.unwrap();
    commit(&mut reader, upto).await;
    h.advance(r.age).await;
    settle(h, &q, r.every, 0).await;
    let first = oldest(&q, &mut reader).await;
    assert!(0 < first && first <= upto, "{first} of {upto}");
    // A group that nobody reads for at the moment needs its frames too.
    drop((reader, member));
    settle(h, &q, r.every, 10).await;
    drop(q);
    let q = h.open().await;
    settle(h, &q, r.every, 20).await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    for n in upto..frames {
        assert_eq!(number(&next(&mut reader).await), n);
    }
}

/// A group that has subscribed and not committed yet needs everything.
pub async fn a_subscribed_group_holds_everything(h: &mut dyn Harness) {
    let Some(r) = h.abilities().retention else { return };
    let q = h.open().await;
    let mut done = join(&q, "done").await;
    let mut slow = join(&q, "slow").await;
    let frames = much(h, &q, r).await;
    for partition in [P0, P1] {
        let mut reader = done.take(partition);
        let end = reader.start(Start::End).await.unwrap();
        commit(&mut reader, end).await;
    }
    h.advance(r.age).await;
    settle(h, &q, r.every, 0).await;
    let mut reader = begin(slow.take(P0)).await;
    for n in 0..frames {
        assert_eq!(number(&next(&mut reader).await), n);
    }
}

/// Of several groups the slowest one decides.
pub async fn the_slowest_group_decides(h: &mut dyn Harness) {
    let Some(r) = h.abilities().retention else { return };
    let q = h.open().await;
    let (mut fast, mut slow) = (join(&q, "fast").await, join(&q, "slow").await);
    let frames = much(h, &q, r).await;
    let mut slow_reader = slow.take(P0);
    for (member, upto) in [(&mut fast, frames), (&mut slow, frames / 4)] {
        commit(&mut member.take(P1), 0).await;
        match member.readers.remove(&P0) {
            Some(mut reader) => commit(&mut reader, upto).await,
            None => commit(&mut slow_reader, upto).await,
        }
    }
    settle(h, &q, r.every, 0).await;
    let first = oldest(&q, &mut slow_reader).await;
    assert!(first <= frames / 4, "{first} is behind the slow group's position");
    commit(&mut slow_reader, frames).await;
    settle(h, &q, r.every, 10).await;
    assert!(oldest(&q, &mut slow_reader).await > frames / 4, "it has caught up");
}
