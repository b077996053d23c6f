//! Storing: order, durability, routes, what comes back, and what is refused.

use std::collections::BTreeSet;

use bytes::Bytes;
use logmill_queue::{Append, AppendError, Appended, Class, Encoding, Frame, Partition, Route, Topic};

use super::Harness;
use super::support::{P0, P1, Q, all_of, fill, join, key, number, numbered, put, soon, stored, web};

/// Offsets grow in each partition, and frames come in their order.
pub async fn order_and_offsets_in_each_partition(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut given = [Vec::new(), Vec::new()];
    for n in 0..40 {
        let partition = Partition((n % 2) as u16);
        let position = put(&q, numbered(h, partition, n)).await;
        assert_eq!((position.partition, position.log), (partition, super::support::log(&q)));
        given[usize::from(partition.0)].push((position.offset, n));
    }
    for (partition, given) in [P0, P1].into_iter().zip(given) {
        assert!(given.is_sorted_by(|a, b| a.0 < b.0));
        let frames = all_of(&q, &web(), partition).await;
        assert_eq!(frames.iter().map(|f| (f.offset, number(f))).collect::<Vec<_>>(), given);
    }
}

/// All that was answered `Ok` is there after a crash, and its offsets are not given again.
pub async fn what_was_answered_survives_a_crash(h: &mut dyn Harness) {
    let mut last = None;
    for round in 0..3 {
        let q = h.open().await;
        assert_eq!(stored(&q, P0).await, (0..round * 10).collect::<Vec<_>>());
        for n in round * 10..(round + 1) * 10 {
            let offset = put(&q, numbered(h, P0, n)).await.offset;
            assert!(last.is_none_or(|last| last < offset), "{offset} after {last:?}");
            last = Some(offset);
        }
        h.crash().await;
    }
    let q = h.open().await;
    assert_eq!(stored(&q, P0).await, (0..30).collect::<Vec<_>>());
}

/// Equal hashes meet in one partition, and hashes reach all partitions.
pub async fn routes_by_hash_and_by_number(h: &mut dyn Harness) {
    let q = h.open().await;
    let named = put(&q, numbered(h, P1, 0)).await;
    assert_eq!(named.partition, P1);
    let mut seen = BTreeSet::new();
    for hash in 0..64u64 {
        let hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let by_hash = || Append { route: Route::Hash(hash), ..numbered(h, P0, hash) };
        let first = put(&q, by_hash()).await.partition;
        assert_eq!(put(&q, by_hash()).await.partition, first);
        seen.insert(first);
    }
    let all: BTreeSet<Partition> = q.partitions(&web()).await.unwrap().into_iter().collect();
    assert_eq!(seen, all);
}

fn full(h: &dyn Harness) -> Append {
    let mut append = numbered(h, P1, 7);
    let header = &mut append.header;
    header.encoding = Encoding(3);
    header.count = 100_000;
    header.rejected = vec![0, 1, 3, 130, 20_000, 99_999];
    header.customer = "Straßenbahn & Söhne".into();
    header.batch_id = *b"\x00\x01batch id\xff\xfe\0\0\0\0";
    header.key = Some(key(1, 2));
    header.span = Some((-5_000_000, i64::MAX));
    header.attributes = vec![
        ("empty".into(), Bytes::new()),
        ("all bytes".into(), (0..=255).collect()),
        ("twice".into(), Bytes::from_static(b"1")),
        ("twice".into(), Bytes::from_static(b"2")),
        (String::new(), Bytes::from_static(b"\r\n\0")),
    ];
    append.payload = (0..=255).cycle().take(10_001).collect();
    append
}

fn same(frame: &Frame, append: &Append) {
    assert_eq!(frame.header, append.header);
    assert_eq!(frame.payload, append.payload);
}

/// Each field of the header and each byte of the payload comes back: from a reader, a scan, after a restart.
pub async fn all_fields_come_back(h: &mut dyn Harness) {
    let q = h.open().await;
    let mut member = join(&q, "g").await;
    let mut reader = super::support::begin(member.take(P1)).await;
    let (plain, mut full, keyed) = (numbered(h, P1, 6), full(h), full(h));
    full.header.key = None;
    put(&q, plain.clone()).await;
    put(&q, full.clone()).await;
    same(&super::support::next(&mut reader).await, &plain);
    same(&super::support::next(&mut reader).await, &full);
    // It goes where its key says.
    put(&q, keyed.clone()).await;
    drop((q, reader, member));
    let q = h.open().await;
    let mut frames = all_of(&q, &web(), P1).await;
    same(&frames[0], &plain);
    same(&frames[1], &full);
    frames.extend(all_of(&q, &web(), P0).await);
    let with_key: Vec<_> = frames.iter().filter(|frame| frame.header.key.is_some()).collect();
    assert_eq!(with_key.len(), 1);
    same(with_key[0], &keyed);
}

/// Both ends of the allowed sizes.
pub async fn the_empty_and_the_largest_payload_come_back(h: &mut dyn Harness) {
    let q = h.open().await;
    let largest: Bytes = (0..q.limits().max_payload).map(|n| (n % 251) as u8).collect();
    let empty = Append { payload: Bytes::new(), ..numbered(h, P0, 0) };
    let large = Append { payload: largest, ..numbered(h, P0, 1) };
    for append in [&empty, &large, &empty] {
        put(&q, append.clone()).await;
    }
    drop(q);
    let q = h.open().await;
    let frames = all_of(&q, &web(), P0).await;
    assert_eq!(frames.len(), 3);
    for (frame, append) in frames.iter().zip([&empty, &large, &empty]) {
        same(frame, append);
    }
}

async fn refused(q: &Q, append: Append) {
    match soon("an append", q.append(append)).await {
        Err(AppendError::Refused(error)) => assert_eq!(error.class, Class::Invalid, "{error}"),
        other => panic!("expected Refused(Invalid), got {other:?}"),
    }
}

/// What can never be stored is refused as invalid, and leaves nothing.
pub async fn one_byte_too_large_is_refused(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..1).await;
    let too_large = vec![0; q.limits().max_payload as usize + 1];
    refused(&q, Append { payload: too_large.into(), ..numbered(h, P0, 1) }).await;
    fill(h, &q, P0, 2..3).await;
    assert_eq!(stored(&q, P0).await, [0, 2]);
}

/// The limits of the header, and indexes of rejected records that are none.
pub async fn a_header_over_its_limits_is_refused(h: &mut dyn Harness) {
    let q = h.open().await;
    let attribute = |n: usize, len: usize| (format!("a{n}"), Bytes::from(vec![b'x'; len]));
    let changes: [&dyn Fn(&mut Append); 6] = [
        &|a| a.header.attributes = (0..65).map(|n| attribute(n, 1)).collect(),
        &|a| a.header.attributes = vec![attribute(1, 16 * 1024)],
        &|a| a.header.customer = "c".repeat(65),
        &|a| a.header.rejected = vec![2, 1],
        &|a| a.header.rejected = vec![1, 1],
        &|a| a.header.rejected = vec![a.header.count],
    ];
    for change in changes {
        let mut append = numbered(h, P0, 3);
        change(&mut append);
        refused(&q, append).await;
    }
    let mut good = numbered(h, P0, 3);
    good.header.attributes = (0..64).map(|n| attribute(n, 200)).collect();
    good.header.customer = "c".repeat(64);
    good.header.rejected = vec![0, 1, 2, 3];
    assert!(matches!(soon("an append", q.append(good)).await, Ok(Appended::New(_))));
    assert_eq!(stored(&q, P0).await, [3]);
}

/// The same partition of another topic is another sequence.
pub async fn topics_do_not_mix(h: &mut dyn Harness) {
    let q = h.open().await;
    let other = Topic::new("other").unwrap();
    for n in 0..10 {
        put(&q, numbered(h, P0, n)).await;
        put(&q, Append { topic: other.clone(), ..numbered(h, P0, n + 100) }).await;
    }
    assert_eq!(stored(&q, P0).await, (0..10).collect::<Vec<_>>());
    let others = all_of(&q, &other, P0).await;
    assert_eq!(others.iter().map(number).collect::<Vec<_>>(), (100..110).collect::<Vec<_>>());
    assert!(others.is_sorted_by(|a, b| a.offset < b.offset));
}
