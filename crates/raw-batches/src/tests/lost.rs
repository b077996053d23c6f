//! Objects that are not what was put.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use logmill_queue::{Class, Delivery, Partition, Start};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::rig::{Rig, batch, deliveries, put, same, web};

/// Three batches, of which the middle one has 7 records and the only object; what is made of that object shows as damage.
async fn after(change: impl AsyncFn(&Rig, &Path)) -> Rig {
    let rig = Rig::new(10);
    let around = [batch(1, 5, 1), batch(3, 5, 1)];
    put(&rig.queue, around[0].clone()).await;
    put(&rig.queue, batch(2, 50, 7)).await;
    put(&rig.queue, around[1].clone()).await;
    change(&rig, &rig.only_object().await).await;
    let found = deliveries(&rig.queue, &web()).await;
    assert_eq!(found.len(), 3);
    for (delivery, append) in [&found[0], &found[2]].into_iter().zip(&around) {
        let Delivery::Frame(frame) = delivery else { panic!("expected a frame, got {delivery:?}") };
        same(frame, append);
    }
    match found[1] {
        Delivery::Damaged { from: 1, to: 2, records: 7 } => {}
        ref other => panic!("expected 7 records lost, got {other:?}"),
    }
    rig
}

async fn overwrite(rig: &Rig, path: &Path, bytes: Vec<u8>) {
    rig.store.inner.put(path, bytes.into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_there_is_lost_and_the_rest_goes_on() {
    let _ = after(async |rig, path| rig.store.inner.delete(path).await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_with_another_byte_is_lost() {
    let _ = after(async |rig, path| {
        let mut bytes = rig.objects().await.remove(0).1.to_vec();
        bytes[17] ^= 1;
        overwrite(rig, path, bytes).await;
    })
    .await;
}

/// It is not even read: nobody knows how large it is.
#[tokio::test(start_paused = true)]
async fn an_object_of_another_length_is_lost() {
    for length in [0, 49, 51] {
        let rig = after(async |rig, path| {
            let bytes: Bytes = rig.objects().await.remove(0).1;
            overwrite(rig, path, bytes.iter().copied().cycle().take(length).collect()).await;
        })
        .await;
        assert_eq!(rig.store.read.load(Ordering::SeqCst), 0);
    }
}

/// A bucket that is not there has no objects either; its batches are not given up for that.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_gone_loses_nothing() {
    let rig = Rig::new(10);
    put(&rig.queue, batch(2, 50, 7)).await;
    rig.store.is_gone.store(true, Ordering::SeqCst);
    let mut scan = rig.queue.scan(&web(), Partition(0), Start::Oldest).await.unwrap();
    for _ in 0..2 {
        let error = scan.next().await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable, "{error}");
    }
    rig.store.is_gone.store(false, Ordering::SeqCst);
    assert!(matches!(scan.next().await.unwrap(), Some(Delivery::Frame(_))));
    assert!(scan.next().await.unwrap().is_none());
}
