//! Reading while the store is slow, away, or another one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use logmill_queue::{Class, Partition, Start};
use logmill_store::Store;
use object_store::memory::InMemory;

use super::rig::{MAX, Rig, batch, deliveries, next, put, reader, same, web};
use crate::{Objects, RawConfig};

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_stops_the_reader_at_the_frame_and_skips_nothing() {
    let rig = Rig::new(10);
    let appends = [batch(1, 5, 1), batch(2, 50, 1), batch(3, 5, 1), batch(4, 60, 1)];
    for append in &appends {
        put(&rig.queue, append.clone()).await;
    }
    rig.store.set_away(true);
    let (mut reader, _member) = reader(&rig.queue).await;
    let mut scan = rig.queue.scan(&web(), Partition(0), Start::Oldest).await.unwrap();
    same(&next(&mut reader).await, &appends[0]);
    scan.next().await.unwrap();
    for _ in 0..3 {
        let error = reader.next().await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable);
        assert!(error.to_string().contains("raw/batches/acme/02020202"), "{error}");
        assert_eq!(scan.next().await.unwrap_err().class, Class::Unavailable);
    }
    rig.store.set_away(false);
    for append in appends.iter().skip(1) {
        same(&next(&mut reader).await, append);
        assert!(scan.next().await.unwrap().is_some());
    }
    assert!(scan.next().await.unwrap().is_none());
    assert!(reader.next().now_or_never().is_none());
}

/// The runner polls a reader once, drops the call, and waits with another; a fetch must not begin anew each time.
#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_do_not_begin_the_fetch_anew() {
    let rig = Rig::new(10);
    let (first, second) = (batch(1, 50, 1), batch(2, 60, 1));
    put(&rig.queue, first.clone()).await;
    put(&rig.queue, second.clone()).await;
    rig.store.gate.forget_permits(1000);
    let (mut reader, _member) = reader(&rig.queue).await;
    let mut scan = rig.queue.scan(&web(), Partition(0), Start::Oldest).await.unwrap();
    for _ in 0..10 {
        assert!(reader.next().now_or_never().is_none());
        assert!(scan.next().now_or_never().is_none());
    }
    assert_eq!(rig.store.gets.load(Ordering::SeqCst), 2, "one for the reader, one for the scan");
    rig.store.gate.add_permits(1000);
    same(&next(&mut reader).await, &first);
    same(&next(&mut reader).await, &second);
    assert_eq!(deliveries(&rig.queue, &web()).await.len(), 2);
    // A reader that begins anew does not deliver what it was fetching before.
    rig.store.gate.forget_permits(1000);
    reader.start(Start::Oldest).await.unwrap();
    assert!(reader.next().now_or_never().is_none());
    let log = reader.lease().log;
    reader.start(Start::At(log, 1)).await.unwrap();
    rig.store.gate.add_permits(1000);
    same(&next(&mut reader).await, &second);
}

/// Settings that name no store or another one give nothing up: they can be put right.
#[tokio::test(start_paused = true)]
async fn without_the_right_store_a_batch_waits_and_the_error_says_for_what() {
    let rig = Rig::new(10);
    put(&rig.queue, batch(1, 50, 1)).await;
    let config = RawConfig { above: 10, max_payload: MAX };
    let other = Store::new(Arc::new(InMemory::new()), "raw", "s3://other");
    let seen = [
        (rig.seen_with(Objects::default()), "set raw_batches.url"),
        (rig.seen_with(Objects::new(other, config)), "raw_batches.url is s3://other/raw"),
    ];
    for (queue, word) in seen {
        let mut scan = queue.scan(&web(), Partition(0), Start::Oldest).await.unwrap();
        let error = scan.next().await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable);
        let told = error.to_string();
        assert!(told.contains(word) && told.contains("s3://bucket/raw/batches/acme/0101"), "{told}");
    }
    // Another prefix of the same bucket finds it: the location is whole.
    let moved = Store::new(rig.store.clone(), "elsewhere", "s3://bucket");
    let queue = rig.seen_with(Objects::new(moved, config));
    assert_eq!(deliveries(&queue, &web()).await.len(), 1);
}

/// Without a store the queue is the one below.
#[tokio::test(start_paused = true)]
async fn without_a_store_everything_stays_in_the_log() {
    let rig = Rig::new(10);
    let queue = rig.seen_with(Objects::default());
    assert_eq!(queue.limits(), rig.log.limits());
    let append = batch(1, 1 << 16, 1);
    put(&queue, append.clone()).await;
    same(&rig.below().await[0], &append);
    assert_eq!(deliveries(&queue, &web()).await.len(), 1);
}
