//! Idempotency keys. A frame with a key goes where the queue finds it best.

use std::time::Duration;

use futures_util::future::join_all;
use logmill_queue::{AppendError, Appended, Position};

use super::Harness;
use super::support::{
    P0, P1, Q, everywhere, fill_bytes, key, keyed, numbered, poll_once, put, records, soon,
};

async fn duplicate(h: &dyn Harness, q: &Q, n: u64, first: Position) {
    let again = soon("a repetition", q.append(keyed(h, n, n))).await.unwrap();
    assert_eq!(again, Appended::Duplicate { first, accepted: records(n) }, "key {n}");
}

/// The same key with the same body: the first one's place and count, nothing stored, wherever it is routed.
pub async fn the_same_body_is_a_duplicate(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut first = keyed(h, 3, 3);
    first.header.rejected = vec![1, 2];
    let position = put(&q, first.clone()).await;
    put(&q, numbered(h, P0, 9)).await;
    for _ in 0..3 {
        let mut again = numbered(h, P1, 3);
        again.header.key = Some(key(3, 3));
        let again = soon("a repetition", q.append(again)).await.unwrap();
        assert_eq!(again, Appended::Duplicate { first: position, accepted: 2 });
    }
    assert_eq!(everywhere(&q).await, [3, 9]);
}

/// The same key with another body: refused as a conflict, and the first one stays what it was.
pub async fn another_body_is_a_conflict(h: &mut dyn Harness) {
    let q = h.open().await;
    let first = put(&q, keyed(h, 1, 1)).await;
    for body in [2, 3] {
        assert_eq!(soon("a conflict", q.append(keyed(h, 1, body))).await.unwrap(), Appended::Conflict);
    }
    duplicate(h, &q, 1, first).await;
    assert_eq!(everywhere(&q).await, [1]);
}

/// Keys are as durable as their frames.
pub async fn keys_survive_restart_and_crash(h: &mut dyn Harness) {
    let mut first = Vec::new();
    for round in 0..4 {
        let q = h.open().await;
        for (n, position) in first.iter().enumerate() {
            duplicate(h, &q, n as u64, *position).await;
        }
        for n in round * 5..(round + 1) * 5 {
            first.push(put(&q, keyed(h, n, n)).await);
        }
        if round % 2 == 0 {
            h.crash().await;
        }
    }
    let q = h.open().await;
    assert_eq!(everywhere(&q).await, (0..20).collect::<Vec<_>>());
}

/// Keys outlive the segment of their frame, in memory and over a restart.
pub async fn keys_survive_segments(h: &mut dyn Harness) {
    let mut q = h.open().await;
    let (mut first, mut filler) = (Vec::new(), 1000);
    for n in 0..6 {
        first.push(put(&q, keyed(h, n, n)).await);
        filler += fill_bytes(h, &q, P1, filler, h.abilities().segment_bytes).await;
        for (n, position) in first.iter().enumerate() {
            duplicate(h, &q, n as u64, *position).await;
        }
        if n % 2 == 1 {
            drop(q);
            q = h.open().await;
        }
    }
    for (n, position) in first.iter().enumerate() {
        duplicate(h, &q, n as u64, *position).await;
    }
}

/// Behind the horizon a key is as good as new; before it, time changes nothing.
pub async fn keys_end_behind_the_horizon(h: &mut dyn Harness) {
    let horizon = h.abilities().horizon;
    let q = h.open().await;
    let first = put(&q, keyed(h, 1, 1)).await;
    h.advance(horizon / 2).await;
    duplicate(h, &q, 1, first).await;
    h.advance(horizon / 2 + Duration::from_secs(2)).await;
    let second = put(&q, keyed(h, 1, 2)).await;
    assert_ne!(first, second);
    assert_eq!(soon("the old body", q.append(keyed(h, 1, 1))).await.unwrap(), Appended::Conflict);
    drop(q);
    let q = h.open().await;
    assert_eq!(everywhere(&q).await, [1, 1]);
    assert_eq!(soon("the old body", q.append(keyed(h, 1, 1))).await.unwrap(), Appended::Conflict);
}

/// Fifty appends of one key at the same time: one is new, all others name its place.
pub async fn fifty_at_once_store_one(h: &mut dyn Harness) {
    let q = h.open().await;
    let tasks = (0..50).map(|_| {
        let (q, append) = (q.clone(), keyed(h, 1, 1));
        tokio::spawn(async move { q.append(append).await })
    });
    let tasks: Vec<_> = tasks.collect();
    let (mut new, mut duplicates) = (Vec::new(), Vec::new());
    for answer in soon("fifty answers", join_all(tasks)).await {
        match answer.unwrap().unwrap() {
            Appended::New(position) => new.push(position),
            Appended::Duplicate { first, .. } => duplicates.push(first),
            other => panic!("the bodies are the same: {other:?}"),
        }
    }
    assert_eq!((new.len(), duplicates.len()), (1, 49));
    assert!(duplicates.iter().all(|first| *first == new[0]));
    assert_eq!(everywhere(&q).await, [1]);
}

/// A key whose append was refused or given up before it was sent can be used.
pub async fn a_refused_append_leaves_its_key_free(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut bad = keyed(h, 1, 1);
    bad.payload = vec![0; q.limits().max_payload as usize + 1].into();
    let refused = soon("a refusal", q.append(bad)).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    drop(q.append(keyed(h, 2, 2)));
    poll_once(std::future::pending::<()>()).await;
    put(&q, keyed(h, 1, 1)).await;
    put(&q, keyed(h, 2, 2)).await;
}
