//! On a store in memory; the real ones are in `tests/`.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use logmill_model::Format;
use logmill_queue::{
    Committed, Delivery, Encoding, Frame, Group, Header, Lease, LogId, Note, Opening, Outcome, Partition,
    Sink, SinkError, Staged, Start, Topic, Totals, Writer,
};
use logmill_store::Store;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;

use super::keep::{Kept, Range};
use super::{Codec, ObjectSink, ObjectsConfig};

fn sink(store: &Arc<InMemory>, prefix: &str, codec: Codec) -> ObjectSink {
    let config = ObjectsConfig {
        topic: Topic::new("web").unwrap(),
        group: Group::new("g").unwrap(),
        default_customer: "default".into(),
        bytes: 1 << 20,
        codec,
    };
    ObjectSink::new(Store::new(store.clone(), prefix, "memory"), config)
}

fn lease() -> Lease {
    Lease::new(LogId([0xab; 16]), Topic::new("web").unwrap(), Partition(3), 1)
}

/// A batch of two records, an hour apart; the second customer of each three has a folder of its own.
fn frame(offset: u64) -> Frame {
    let hour = 10 + offset % 3;
    let text = format!(
        r#"[{{"timestamp":"2026-01-02T{hour}:00:00Z","path":"/{offset}","userAgent":"a"}},
            {{"timestamp":"2026-01-02T{}:30:00Z","path":"/{offset}/later","userAgent":"b"}}]"#,
        hour + 1
    );
    let mut header = Header::new(Encoding(Format::Json.code()), 2, 0);
    header.customer = if offset % 3 == 1 { "acme" } else { "default" }.into();
    Frame { offset, header, payload: Bytes::from(text) }
}

/// Offsets have holes on Kafka.
fn offsets() -> Vec<u64> {
    (7..40).filter(|offset| offset % 5 != 0).collect()
}

async fn open(sink: &ObjectSink, committed: Option<&Committed>) -> Opening {
    sink.open(lease(), committed).await.unwrap()
}

fn feed(writer: &mut dyn Writer, offsets: &[u64]) {
    for offset in offsets {
        assert_eq!(writer.write(&Delivery::Frame(frame(*offset))).rejected, []);
    }
}

fn staged(writer: &mut dyn Writer, offsets: &[u64]) -> Staged {
    let (from, to) = (offsets[0], offsets[offsets.len() - 1] + 1);
    Staged { lease: lease(), from, to, content: writer.stage() }
}

async fn done(sink: &ObjectSink, staged: Staged) -> Committed {
    match sink.commit(&[staged]).await.unwrap().remove(0) {
        Outcome::Done(Partition(3), Some(committed)) => committed,
        other => panic!("expected Done, got {other:?}"),
    }
}

/// All objects but the probe, decompressed.
async fn objects(store: &InMemory) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    for meta in all.into_iter().filter(|meta| !meta.location.as_ref().contains("probe")) {
        let bytes = store.get(&meta.location).await.unwrap().bytes().await.unwrap();
        let mut text = String::new();
        if meta.location.as_ref().ends_with(".gz") {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap();
        }
        found.insert(meta.location.to_string(), text);
    }
    found
}

/// One part for each customer and hour of the range, with the records in their order.
#[tokio::test]
async fn a_range_becomes_parts_by_customer_and_hour() {
    let store = Arc::new(InMemory::new());
    let sink = sink(&store, "lake/raw", Codec::Zstd);
    let mut opening = open(&sink, None).await;
    assert_eq!((opening.start, opening.until), (Start::Oldest, None));
    feed(&mut *opening.writer, &offsets());
    let staged = staged(&mut *opening.writer, &offsets());
    let intent = sink.intent(&staged).unwrap();
    assert_eq!(intent.offset, 7);
    let committed = done(&sink, staged).await;
    assert_eq!(committed.offset, 40);
    let found = objects(&store).await;
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let part = |folder: &str| format!("lake/raw/logs/{folder}/abababab-web-3-7-40.ndjson.zst");
    let expected = [
        "2026-01-02/10",
        "2026-01-02/11",
        "2026-01-02/12",
        "2026-01-02/13",
        "acme/2026-01-02/11",
        "acme/2026-01-02/12",
    ];
    assert_eq!(names, expected.map(part));
    let lines: usize = found.values().map(|text| text.lines().count()).sum();
    assert_eq!(lines, offsets().len() * 2);
    assert_eq!(sink.totals(), [(Partition(3), Totals { read: 54, delivered: 54, ..Totals::default() })]);
    let next = open(&sink, Some(&committed)).await;
    assert_eq!((next.start, next.until), (Start::At(LogId([0xab; 16]), 40), None));
    assert_eq!(sink.totals()[0].1.delivered, 54, "the note keeps them");
}

/// Whoever comes after a crash writes the same parts, by the note and not by its own settings, and whatever is there.
#[tokio::test]
async fn a_range_that_was_begun_is_completed_by_the_next_owner() {
    let store = Arc::new(InMemory::new());
    let first = sink(&store, "a", Codec::Zstd);
    let mut opening = open(&first, None).await;
    feed(&mut *opening.writer, &offsets());
    let begun = staged(&mut *opening.writer, &offsets());
    let intent = first.intent(&begun).unwrap();
    done(&first, begun).await;
    let expected = objects(&store).await;
    for lost in [0, 1, 3, expected.len()] {
        for name in expected.keys().take(lost) {
            store.delete(&name.as_str().into()).await.unwrap();
        }
        let second = sink(&store, "other/prefix", Codec::Gzip);
        let mut opening = open(&second, Some(&intent)).await;
        assert_eq!((opening.start, opening.until), (Start::At(LogId([0xab; 16]), 7), Some(40)));
        feed(&mut *opening.writer, &offsets());
        let again = staged(&mut *opening.writer, &offsets());
        assert_eq!(second.intent(&again), None, "it is written down already");
        assert_eq!(done(&second, again).await.offset, 40);
        assert_eq!(objects(&store).await, expected);
        assert_eq!(second.totals()[0].1.delivered, 54, "counted once");
        // The next range is cut by the settings of its own.
        feed(&mut *opening.writer, &[41]);
        let next = staged(&mut *opening.writer, &[41]);
        assert!(second.intent(&next).unwrap().note.as_str().ends_with("range 1 41 42 gz other/prefix"));
        done(&second, next).await;
        let last = objects(&store).await.into_keys().find(|name| name.contains("-41-42.")).unwrap();
        assert!(last.starts_with("other/prefix/") && last.ends_with(".gz"), "{last}");
        for name in objects(&store).await.into_keys().filter(|name| name.contains("-41-42.")) {
            store.delete(&name.as_str().into()).await.unwrap();
        }
    }
}

/// An object of the same name with other records is somebody else's: nobody overwrites it.
#[tokio::test]
async fn a_foreign_object_stops_the_sink() {
    let store = Arc::new(InMemory::new());
    let name = "logs/acme/2026-01-02/11/abababab-web-3-7-8.ndjson.zst";
    store.put(&name.into(), Bytes::from_static(b"foreign").into()).await.unwrap();
    let sink = sink(&store, "", Codec::Zstd);
    let mut opening = open(&sink, None).await;
    feed(&mut *opening.writer, &[7]);
    let staged = staged(&mut *opening.writer, &[7]);
    sink.intent(&staged).unwrap();
    match sink.commit(&[staged]).await {
        Err(SinkError::Stop(error)) => assert!(error.to_string().contains("2026-01-02/11/"), "{error}"),
        other => panic!("expected Stop, got {other:?}"),
    }
}

/// A note of another sink, such as the folder's claim, is not overwritten.
#[tokio::test]
async fn a_foreign_note_stops_the_sink() {
    let store = Arc::new(InMemory::new());
    let committed = Committed { offset: 4, note: Note::new("folder 0123".into()).unwrap() };
    match sink(&store, "", Codec::Zstd).open(lease(), Some(&committed)).await {
        Err(SinkError::Stop(error)) => assert!(error.to_string().contains("folder 0123"), "{error}"),
        Ok(_) | Err(_) => panic!("expected Stop"),
    }
}

/// Writers of one process share the budget: the one that goes beyond it closes its range.
#[tokio::test]
async fn what_is_held_is_bounded_over_all_partitions() {
    let store = Arc::new(InMemory::new());
    let sink = sink(&store, "", Codec::Zstd);
    let (mut one, mut two) = (open(&sink, None).await, open(&sink, None).await);
    let noise = |n: u64| -> String { (0..300_000).map(|i| char::from(33 + fast(n, i))).collect() };
    let big = |offset: u64| {
        let path = noise(offset).replace(['"', '\\'], "x");
        let text = format!(r#"[{{"timestamp":"2026-01-02T10:00:00Z","path":"/","userAgent":"{path}"}}]"#);
        Frame { payload: text.into(), ..frame(offset) }
    };
    let mut n = 0;
    let full = loop {
        n += 1;
        assert!(n < 20, "nothing was full");
        let writer = if n % 2 == 0 { &mut one } else { &mut two };
        if writer.writer.write(&Delivery::Frame(Frame { header: single(), ..big(n) })).full {
            break n;
        }
    };
    assert!((4..=8).contains(&full), "{full} frames of 0.3 MB fill a budget of 1 MiB");
    drop((one.writer.stage(), two.writer.stage()));
    let mut three = open(&sink, None).await;
    assert!(!three.writer.write(&Delivery::Frame(frame(1))).full, "what was dropped is given back");
}

fn single() -> Header {
    Header::new(Encoding(Format::Json.code()), 1, 0)
}

/// A byte below 90 that does not repeat soon.
fn fast(n: u64, i: u64) -> u8 {
    let mixed = (n << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 57) as u8 % 90
}

proptest! {
    /// What the group keeps comes back.
    #[test]
    fn notes_come_back(
        figures in proptest::array::uniform7(any::<u64>()),
        range in proptest::option::of((any::<u64>(), any::<u64>(), any::<bool>(), "[a-zA-Z0-9 /._=-]{0,900}")),
    ) {
        let [read, delivered, deduplicated, dead_lettered, rejected, damaged, expired] = figures;
        let totals = Totals { read, delivered, deduplicated, dead_lettered, rejected, damaged, expired };
        let range = range.map(|(from, to, gzip, prefix)| {
            Range { from, to, codec: if gzip { Codec::Gzip } else { Codec::Zstd }, prefix }
        });
        let kept = Kept { totals, range };
        let note = kept.note().unwrap();
        prop_assert!(note.as_str().len() <= Note::FOR_SINKS);
        prop_assert_eq!(Kept::read(&note), Ok(kept));
    }
}
