//! Futures that are dropped before they end.

use std::collections::{BTreeMap, BTreeSet};

use logmill_queue::{Appended, Event};

use super::Harness;
use super::support::{
    Member, P0, begin, committed, everywhere, fill, join, keyed, named, next, note, number, numbered,
    poll_once, put, soon, stored, subscribe, waits,
};

/// A frame whose append was dropped is there once or not at all, and others are not disturbed.
pub async fn a_dropped_append_withdraws_nothing(h: &mut dyn Harness) {
    let q = h.open().await;
    for n in 0..20 {
        let append = q.append(numbered(h, P0, n));
        if n % 2 == 0 {
            put(&q, numbered(h, P0, n)).await;
            drop(append); // Never polled: nothing was asked for.
        } else {
            poll_once(append).await;
        }
    }
    // What was polled was taken on: an append behind it is stored behind it.
    put(&q, numbered(h, P0, 20)).await;
    let found = stored(&q, P0).await;
    assert_eq!(found, (0..=20).collect::<Vec<_>>());
}

/// Whatever became of a dropped append, its key is decided and stays usable.
pub async fn a_dropped_append_settles_its_key(h: &mut dyn Harness) {
    let q = h.open().await;
    for n in 0..20 {
        poll_once(q.append(keyed(h, n, 1))).await;
        let again = soon("the same key", q.append(keyed(h, n, 1))).await.unwrap();
        assert!(matches!(again, Appended::New(_) | Appended::Duplicate { .. }), "{again:?}");
        assert_eq!(soon("another body", q.append(keyed(h, n, 2))).await.unwrap(), Appended::Conflict);
    }
    assert_eq!(everywhere(&q).await, (0..20).collect::<Vec<_>>(), "each key once");
}

/// `PartitionReader::next` in a `select!` loop: each frame once, in order.
pub async fn a_dropped_next_of_a_reader_loses_nothing(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let (mut seen, mut n) = (Vec::new(), 0);
    while seen.len() < 30 {
        if n < 30 {
            poll_once(reader.next()).await.into_iter().for_each(|d| seen.push(d.unwrap().end()));
            put(&q, numbered(h, P0, n)).await;
            n += 1;
        }
        if n % 3 == 0 {
            seen.push(next(&mut reader).await.offset + 1);
        }
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert!(waits(h, reader.next()).await);
}

/// `Subscription::next` in a `select!` loop: no event is lost, none comes twice.
pub async fn a_dropped_next_of_a_subscription_loses_nothing(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut first = join(&q, "g").await;
    let mut second = Member { sub: subscribe(&q, "g").await, readers: BTreeMap::new() };
    let mut revoked = BTreeSet::new();
    // Each turn drops what did not win, often; in the end some turns in which nothing may come any more.
    let mut quiet = 0;
    let limit = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while quiet < 50 {
        let settled = !revoked.is_empty() && second.readers.len() == revoked.len();
        quiet += u32::from(settled);
        let in_time = tokio::time::Instant::now() < limit;
        assert!(in_time, "{revoked:?} were released, {:?} came", second.readers.keys());
        for member in [&mut first, &mut second] {
            match poll_once(member.sub.next()).await.map(Result::unwrap) {
                Some(Event::Assigned(reader)) => {
                    let before = member.readers.insert(reader.lease().partition, reader);
                    assert!(before.is_none(), "assigned twice");
                }
                Some(Event::Revoking { partition, .. }) => {
                    assert!(revoked.insert(partition), "revoked twice");
                    member.take(partition).release();
                }
                Some(lost) => panic!("{} though all was released", named(&lost)),
                None => {}
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(!revoked.is_empty());
    assert_eq!(second.readers.keys().copied().collect::<BTreeSet<_>>(), revoked);
}

/// A commit whose future was dropped has happened or has not; the next one decides.
pub async fn a_dropped_commit_is_whole_or_absent(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..4).await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let first = next(&mut reader).await;
    poll_once(reader.commit(first.offset + 1, &note("dropped"))).await;
    drop((reader, member));
    let mut member = join(&q, "g").await;
    let mut reader = member.take(P0);
    match committed(&mut reader).await {
        None => {}
        Some(c) => assert_eq!((c.offset, c.note.as_str()), (first.offset + 1, "dropped")),
    }
    let mut reader = begin(reader).await;
    let second = next(&mut reader).await;
    assert!(number(&second) <= 1);
    soon("a commit", reader.commit(second.offset + 1, &note("kept"))).await.unwrap();
    drop((q, reader, member));
    let q = h.open().await;
    let found = super::support::position_of(&q, "g", P0).await;
    assert_eq!(found, Some((second.offset + 1, "kept".to_owned())));
}
