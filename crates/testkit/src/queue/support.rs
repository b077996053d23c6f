//! What the cases share.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_queue::{
    Append, Appended, Committed, Delivery, Encoding, Event, Frame, Group, Header, Key, LogId, Note, Offset,
    Partition, PartitionReader, Position, Queue, Route, Start, Subscription, Topic,
};

use super::Harness;

pub(super) const P0: Partition = Partition(0);
pub(super) const P1: Partition = Partition(1);

pub(super) type Q = Arc<dyn Queue>;
pub(super) type Reader = Box<dyn PartitionReader>;

pub(super) fn web() -> Topic {
    Topic::new("web").unwrap()
}

pub(super) fn group(name: &str) -> Group {
    Group::new(name).unwrap()
}

pub(super) fn note(text: &str) -> Note {
    Note::new(text.to_owned()).unwrap()
}

pub(super) fn log(q: &Q) -> LogId {
    q.log_id(&web()).unwrap()
}

/// Ends when `future` does, or fails the case: nothing in it may wait for ever.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Whether `future` still waits after everything that could have woken it had its turn.
pub(super) async fn waits<T>(h: &dyn Harness, future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(h.abilities().latency, future).await.is_err()
}

/// Polls once, then drops: what a `select!` does to the branch that did not win.
pub(super) async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}

/// A frame whose payload tells which one it is, with `n % 4 + 1` records.
pub(super) fn numbered(harness: &dyn Harness, partition: Partition, n: u64) -> Append {
    sized(harness, partition, n, 0)
}

/// As `numbered`, with a payload of at least `len` bytes.
pub(super) fn sized(harness: &dyn Harness, partition: Partition, n: u64, len: usize) -> Append {
    let mut payload = format!("{partition}/{n}/").into_bytes();
    payload.resize(payload.len().max(len), b'.');
    let header = Header::new(Encoding::OPAQUE, records(n), harness.now());
    Append { topic: web(), route: Route::To(partition), header, payload: payload.into() }
}

pub(super) fn records(n: u64) -> u32 {
    (n % 4) as u32 + 1
}

/// The number in a payload that `numbered` or `sized` made.
pub(super) fn number(frame: &Frame) -> u64 {
    let text = String::from_utf8_lossy(&frame.payload).into_owned();
    text.split('/').nth(1).unwrap().parse().unwrap()
}

pub(super) fn key(n: u64, body: u64) -> Key {
    let spread = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let digest = u128::from(body + 1).wrapping_mul(0xd6e8_feb8_6659_fd93_a5a3_5c1f_0b1d_4c29);
    Key { hash: spread.to_be_bytes(), digest: digest.to_le_bytes() }
}

pub(super) fn keyed(harness: &dyn Harness, n: u64, body: u64) -> Append {
    let mut append = numbered(harness, P0, n);
    append.header.key = Some(key(n, body));
    append
}

/// Appends and expects that the frame is new.
pub(super) async fn put(q: &Q, append: Append) -> Position {
    match soon("an append", q.append(append)).await.unwrap() {
        Appended::New(position) => position,
        other => panic!("expected a new frame, got {other:?}"),
    }
}

/// Appends the frames `range` to a partition.
pub(super) async fn fill(h: &dyn Harness, q: &Q, partition: Partition, range: std::ops::Range<u64>) {
    for n in range {
        put(q, numbered(h, partition, n)).await;
    }
}

/// Appends frames of 64 KiB until `bytes` are stored; answers how many there were.
pub(super) async fn fill_bytes(h: &dyn Harness, q: &Q, partition: Partition, from: u64, bytes: u64) -> u64 {
    let frames = bytes.div_ceil(64 * 1024);
    for n in from..from + frames {
        put(q, sized(h, partition, n, 64 * 1024)).await;
    }
    frames
}

/// A member of a group with the readers it was given and has not handed on.
pub(super) struct Member {
    pub sub: Box<dyn Subscription>,
    pub readers: BTreeMap<Partition, Reader>,
}

/// Subscribes without waiting for anything.
pub(super) async fn subscribe(q: &Q, name: &str) -> Box<dyn Subscription> {
    soon("a subscription", q.subscribe(&web(), &group(name), 1 << 20)).await.unwrap()
}

/// Subscribes and waits until all partitions are assigned.
pub(super) async fn join(q: &Q, name: &str) -> Member {
    let mut member = Member { sub: subscribe(q, name).await, readers: BTreeMap::new() };
    let all = q.partitions(&web()).await.unwrap().len();
    while member.readers.len() < all {
        member.next_assigned().await;
    }
    member
}

impl Member {
    pub(super) async fn event(&mut self) -> Event {
        soon("an event", self.sub.next()).await.unwrap()
    }

    pub(super) async fn next_assigned(&mut self) -> Partition {
        match self.event().await {
            Event::Assigned(reader) => {
                let partition = reader.lease().partition;
                assert!(reader.lease().is_held(), "a lease that is assigned is held");
                self.readers.insert(partition, reader);
                partition
            }
            other => panic!("expected Assigned, got {}", named(&other)),
        }
    }

    /// Takes a reader out, to be owned by the case.
    pub(super) fn take(&mut self, partition: Partition) -> Reader {
        self.readers.remove(&partition).unwrap()
    }
}

pub(super) fn named(event: &Event) -> String {
    match event {
        Event::Assigned(reader) => format!("Assigned {:?}", reader.lease()),
        Event::Revoking { partition, epoch, .. } => format!("Revoking {partition} of {epoch}"),
        Event::Lost { partition, epoch } => format!("Lost {partition} of {epoch}"),
    }
}

/// A reader that has begun at the group's position, or at the oldest frame.
pub(super) async fn begin(mut reader: Reader) -> Reader {
    let at = match committed(&mut reader).await {
        Some(committed) => Start::At(reader.lease().log, committed.offset),
        None => Start::Oldest,
    };
    reader.start(at).await.unwrap();
    reader
}

pub(super) async fn committed(reader: &mut Reader) -> Option<Committed> {
    soon("the position", reader.committed()).await.unwrap()
}

/// The next delivery, which has to be a frame.
pub(super) async fn next(reader: &mut Reader) -> Frame {
    match soon("a frame", reader.next()).await.unwrap() {
        Delivery::Frame(frame) => frame,
        other => panic!("expected a frame, got {other:?}"),
    }
}

/// The numbers of the next `n` frames.
pub(super) async fn numbers(reader: &mut Reader, n: usize) -> Vec<u64> {
    let mut found = Vec::with_capacity(n);
    for _ in 0..n {
        found.push(number(&next(reader).await));
    }
    found
}

/// All frames of a partition of a topic, from the oldest on.
pub(super) async fn all_of(q: &Q, topic: &Topic, partition: Partition) -> Vec<Frame> {
    let mut scan = q.scan(topic, partition, Start::Oldest).await.unwrap();
    let mut frames = Vec::new();
    while let Some(delivery) = soon("a scan", scan.next()).await.unwrap() {
        match delivery {
            Delivery::Frame(frame) => frames.push(frame),
            other => panic!("expected a frame, got {other:?}"),
        }
    }
    frames
}

/// The numbers of all frames of a partition.
pub(super) async fn stored(q: &Q, partition: Partition) -> Vec<u64> {
    all_of(q, &web(), partition).await.iter().map(number).collect()
}

/// What `stored` tells of all partitions, in ascending order.
pub(super) async fn everywhere(q: &Q) -> Vec<u64> {
    let mut found = Vec::new();
    for partition in q.partitions(&web()).await.unwrap() {
        found.extend(stored(q, partition).await);
    }
    found.sort_unstable();
    found
}

/// A group's position, read as its next owner would.
pub(super) async fn position_of(q: &Q, name: &str, partition: Partition) -> Option<(Offset, String)> {
    let mut member = join(q, name).await;
    let found = committed(&mut member.take(partition)).await;
    found.map(|c| (c.offset, c.note.as_str().to_owned()))
}

/// A plain frame for another topic.
pub(super) fn other(h: &dyn Harness, topic: &str, text: &'static [u8]) -> Append {
    let header = Header::new(Encoding::OPAQUE, 1, h.now());
    let topic = Topic::new(topic).unwrap();
    Append { topic, route: Route::To(P0), header, payload: Bytes::from_static(text) }
}

/// Lets `first` give up what it is asked for, until `second` owns something and nothing more happens.
pub(super) async fn hand_over(h: &dyn Harness, first: &mut Member, second: &mut Member) -> Partition {
    loop {
        tokio::select! {
            biased;
            event = first.sub.next() => match event.unwrap() {
                Event::Revoking { partition, .. } => first.take(partition).release(),
                event => panic!("expected Revoking, got {}", named(&event)),
            },
            event = second.sub.next() => match event.unwrap() {
                Event::Assigned(reader) => drop(second.readers.insert(reader.lease().partition, reader)),
                event => panic!("expected Assigned, got {}", named(&event)),
            },
            () = tokio::time::sleep(3 * h.abilities().latency), if !second.readers.is_empty() => {
                return *second.readers.keys().next().unwrap();
            }
        }
    }
}
