//! When a reader sees what.

use futures_util::future::join_all;
use logmill_queue::Start;

use super::Harness;
use super::support::{
    P0, P1, begin, fill, join, next, number, numbered, numbers, put, sized, soon, stored, waits,
};

/// At the end a reader waits, and the next append wakes it.
pub async fn a_reader_waits_at_the_end_and_is_woken(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    assert!(waits(h, reader.next()).await);
    for n in 0..5 {
        let (frame, _) = tokio::join!(next(&mut reader), put(&q, numbered(h, P0, n)));
        assert_eq!(number(&frame), n);
        assert!(waits(h, reader.next()).await);
    }
}

/// What a reader was given is durable: a sink never stands ahead of the log.
pub async fn what_a_reader_saw_survives_a_crash(h: &mut dyn Harness) {
    for n in 0..8 {
        let q = h.open().await;
        let mut member = join(&q, "g").await;
        let mut reader = member.take(P0);
        reader.start(Start::End).await.unwrap();
        let append = {
            let (q, append) = (q.clone(), numbered(h, P0, n));
            async move { q.append(append).await }
        };
        let append = tokio::spawn(append);
        assert_eq!(number(&next(&mut reader).await), n);
        h.crash().await;
        // The answer may have been on its way; it must not be an error that says nothing is stored.
        let answer = soon("the answer", append).await.unwrap();
        assert!(!matches!(answer, Err(logmill_queue::AppendError::Refused(_))), "{answer:?}");
        drop((q, reader, member));
        let q = h.open().await;
        assert_eq!(stored(&q, P0).await, (0..=n).collect::<Vec<_>>());
        drop(q);
    }
}

/// A reader that keeps up sees all frames once and in order while segments come and go.
pub async fn reading_follows_appends_over_segments(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let frames = h.abilities().segment_bytes * 3 / 16_384;
    let appends = async {
        for n in 0..frames {
            put(&q, sized(h, P0, n, 16_384)).await;
        }
    };
    let (seen, ()) = tokio::join!(numbers(&mut reader, frames as usize), appends);
    assert_eq!(seen, (0..frames).collect::<Vec<_>>());
    assert!(waits(h, reader.next()).await);
}

/// Appends to many partitions at once; each reader gets its own.
pub async fn each_reader_of_a_topic_sees_only_its_partition(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let (mut zero, mut one) = (begin(member.take(P0)).await, begin(member.take(P1)).await);
    let all = (0..60).map(|n| put(&q, numbered(h, if n % 3 == 0 { P0 } else { P1 }, n)));
    join_all(all).await;
    let (mut a, mut b) = (numbers(&mut zero, 20).await, numbers(&mut one, 40).await);
    assert!(waits(h, zero.next()).await && waits(h, one.next()).await);
    a.sort_unstable();
    b.sort_unstable();
    assert_eq!(a, (0..60).filter(|n| n % 3 == 0).collect::<Vec<_>>());
    assert_eq!(b, (0..60).filter(|n| n % 3 != 0).collect::<Vec<_>>());
    fill(h, &q, P1, 60..61).await;
    assert_eq!(numbers(&mut one, 1).await, [60]);
    assert!(waits(h, zero.next()).await);
}
