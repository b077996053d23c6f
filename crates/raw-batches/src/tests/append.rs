//! What goes into the store and what stays, and what is in its place.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use logmill_queue::{AppendError, Appended, Class, CommitError, Encoding, Note, Topic};

use super::rig::{MAX, Rig, batch, deliveries, frames, keyed, next, put, reader, same, web};

/// The digest is what sha256sum(1) says of these bytes, the times what date(1) says.
#[tokio::test(start_paused = true)]
async fn the_frame_in_the_log_is_the_event_as_documented() {
    let rig = Rig::new(0);
    let mut append = batch(7, 0, 2);
    append.payload = Bytes::from_static(b"[1,2]\n");
    append.header.span = Some((1_767_323_045_123_456, 1_767_326_399_999_999));
    put(&rig.queue, append).await;
    let below = rig.below().await;
    let event = r#"{"batchId":"07070707-0707-0707-0707-070707070707","customer":"acme","#.to_owned()
        + r#""location":"s3://bucket/raw/batches/acme/07070707-0707-0707-0707-070707070707-f109b002d2f351fa","#
        + r#""records":2,"bytes":6,"#
        + r#""sha256":"f109b002d2f351fa534341fcb7d18145d187efd8a47fc21539f8395a7a85d0d6","#
        + r#""minTimestamp":"2026-01-02T03:04:05.123456Z","maxTimestamp":"2026-01-02T03:59:59.999999Z","#
        + r#""receivedAt":"2026-01-02T03:04:05.000120Z"}"#;
    assert_eq!(String::from_utf8_lossy(&below[0].payload), event);
    assert_eq!(below[0].header.encoding, Encoding(0x82));
    let name = "raw/batches/acme/07070707-0707-0707-0707-070707070707-f109b002d2f351fa";
    assert_eq!(rig.objects().await, [(name.to_owned(), Bytes::from_static(b"[1,2]\n"))]);
}

#[tokio::test(start_paused = true)]
async fn times_that_are_not_known_or_have_no_name_are_null() {
    let rig = Rig::new(0);
    let mut never = batch(1, 10, 1);
    never.header.span = Some((-1, i64::MAX));
    put(&rig.queue, never).await;
    put(&rig.queue, batch(2, 10, 1)).await;
    for frame in rig.below().await {
        let event: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        assert_eq!((&event["minTimestamp"], &event["maxTimestamp"]), (&().into(), &().into()), "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_larger_than_the_threshold_goes_into_the_store() {
    for (above, sizes, stored) in [(10, [0, 10, 11], 1), (0, [0, 1, 2], 2)] {
        let rig = Rig::new(above);
        let appends: Vec<_> = sizes.into_iter().zip(1..).map(|(size, n)| batch(n, size, 1)).collect();
        for append in &appends {
            put(&rig.queue, append.clone()).await;
        }
        assert_eq!(rig.objects().await.len(), stored, "above {above}");
        let plain = rig.below().await.iter().filter(|frame| frame.header.encoding == Encoding(2)).count();
        assert_eq!(plain, appends.len() - stored);
        let found = frames(&rig.queue, &web()).await;
        found.iter().zip(&appends).for_each(|(frame, append)| same(frame, append));
    }
}

/// The threshold may be more than the log takes; what is larger than that goes into the store all the same.
#[tokio::test(start_paused = true)]
async fn what_the_log_has_no_room_for_goes_into_the_store() {
    let rig = Rig::new(MAX);
    let appends = [1 << 16, (1 << 16) + 1, MAX as usize].map(|size| batch(1, size, 1));
    for append in &appends {
        put(&rig.queue, append.clone()).await;
    }
    assert_eq!(rig.objects().await.len(), 2);
    let found = frames(&rig.queue, &web()).await;
    found.iter().zip(&appends).for_each(|(frame, append)| same(frame, append));
    assert_eq!(rig.queue.limits().max_payload, MAX);
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_stored_is_refused_before_anything_is_put() {
    let rig = Rig::new(0);
    let mut reference = batch(1, 10, 1);
    reference.header.encoding = Encoding(0x81);
    for bad in [batch(1, MAX as usize + 1, 1), reference] {
        match rig.queue.append(bad).await {
            Err(AppendError::Refused(error)) => assert_eq!(error.class, Class::Invalid, "{error}"),
            other => panic!("expected Refused, got {other:?}"),
        }
    }
    assert_eq!((rig.objects().await.len(), rig.below().await.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_refuses_the_append_and_nothing_is_stored() {
    let rig = Rig::new(10);
    rig.store.set_away(true);
    match rig.queue.append(batch(1, 11, 1)).await {
        Err(AppendError::Refused(error)) => {
            assert_eq!(error.class, Class::Unavailable);
            assert!(error.to_string().contains("s3://bucket/raw"), "{error}");
        }
        other => panic!("expected Refused, got {other:?}"),
    }
    // What is small does not need it.
    put(&rig.queue, batch(2, 10, 1)).await;
    assert_eq!(rig.below().await.len(), 1);
    rig.store.set_away(false);
    put(&rig.queue, batch(1, 11, 1)).await;
    assert_eq!(deliveries(&rig.queue, &web()).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_one_frame_and_another_body_harms_nothing() {
    for overwrites in [false, true] {
        let rig = Rig::new(10);
        rig.store.overwrites.store(overwrites, Ordering::SeqCst);
        put(&rig.queue, keyed(1, 1, 100)).await;
        let again = rig.queue.append(keyed(1, 1, 100)).await.unwrap();
        assert!(matches!(again, Appended::Duplicate { accepted: 3, .. }), "{again:?}");
        assert_eq!(rig.objects().await.len(), 1);
        assert_eq!(rig.queue.append(keyed(1, 2, 100)).await.unwrap(), Appended::Conflict);
        let found = frames(&rig.queue, &web()).await;
        assert_eq!(found.len(), 1);
        same(&found[0], &keyed(1, 1, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn customers_that_are_no_names_get_one() {
    let rig = Rig::new(0);
    for (n, customer) in ["../up", "a/b", "", "Söhne"].into_iter().enumerate() {
        let mut append = batch(n as u8, 10, 1);
        append.header.customer = customer.into();
        put(&rig.queue, append.clone()).await;
        same(frames(&rig.queue, &web()).await.last().unwrap(), &append);
    }
    let names = rig.objects().await.into_iter().map(|(name, _)| name);
    let folders: Vec<String> = names.map(|name| name.rsplit_once('/').unwrap().0.to_owned()).collect();
    let expected = ["raw/batches", "raw/batches/S_hne", "raw/batches/___up", "raw/batches/a_b"];
    assert_eq!(folders, expected);
}

#[tokio::test(start_paused = true)]
async fn a_relay_puts_what_is_large_and_moves_with_it_or_not_at_all() {
    let rig = Rig::new(10);
    put(&rig.queue, batch(1, 1, 1)).await;
    let (mut reader, _member) = reader(&rig.queue).await;
    let upto = next(&mut reader).await.offset + 1;
    let out = Topic::new("out").unwrap();
    let outputs = || {
        let to = |append| logmill_queue::Append { topic: out.clone(), ..append };
        vec![to(batch(2, 11, 1)), to(batch(3, 10, 1)), to(batch(4, 500, 2))]
    };
    rig.store.set_away(true);
    let refused = reader.relay(outputs(), upto, &Note::default()).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))), "{refused:?}");
    rig.store.set_away(false);
    assert_eq!(frames(&rig.queue, &out).await.len(), 0);
    reader.relay(outputs(), upto, &Note::default()).await.unwrap();
    assert_eq!(rig.objects().await.len(), 2);
    let found = frames(&rig.queue, &out).await;
    assert_eq!(found.len(), 3);
    found.iter().zip(outputs()).for_each(|(frame, append)| same(frame, &append));
    // Of a lease that is lost nothing is put any more.
    reader.lease().clone().end();
    let fenced = reader.relay(vec![batch(9, 900, 1)], upto, &Note::default()).await;
    assert!(matches!(fenced, Err(CommitError::Fenced)), "{fenced:?}");
    assert_eq!(rig.objects().await.len(), 2);
}
