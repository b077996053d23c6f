//! Damage, failing disks and crashes, on the simulated disk. What any queue must do is in `tests/conformance.rs`.
#![allow(clippy::disallowed_methods)]

mod account;
mod codec;
mod crash;
mod damage;
mod disk;
mod gate;
mod index;
mod tail;
mod trail;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_world::sim::{Disk, Image, SimClock, world};
use logmill_world::{Clock, File, Mode};

use super::frame::{FrameHead, Kind};
use super::walk::Walk;
use super::{EmbeddedLog, LogConfig, Opened};
use crate::contract::{
    Append, AppendError, Appended, Delivery, Encoding, Event, Group, Header, Key, Note, Offset, Partition,
    PartitionReader, Queue, Route, Start, Subscription, Topic,
};

const DIR: &str = "/data/log";
const SEGMENT: u32 = 64 * 1024;
const P0: Partition = Partition(0);
const P1: Partition = Partition(1);

/// Runs a test in simulated time.
fn sim<F: Future<Output = ()>>(test: impl FnOnce(Arc<SimClock>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // What never ends would go on in simulated time for ever.
    let limit = Duration::from_secs(20_000);
    let ended = async { tokio::time::timeout(limit, test(SimClock::start())).await };
    runtime.unwrap().block_on(ended).expect("something is waited for in vain");
}

fn config() -> LogConfig {
    LogConfig {
        dir: PathBuf::from(DIR),
        partitions: 2,
        segment_bytes: SEGMENT,
        max_payload: SEGMENT / 4,
        retention_bytes: u64::MAX,
        retention_age: Duration::from_secs(1_000_000),
        reserve_bytes: 0,
        horizon: Duration::from_secs(1000),
        readers: Vec::new(),
    }
}

fn open(clock: &Arc<SimClock>, disk: &Disk) -> (EmbeddedLog, Opened) {
    open_as(clock, disk, &config())
}

fn open_as(clock: &Arc<SimClock>, disk: &Disk, config: &LogConfig) -> (EmbeddedLog, Opened) {
    EmbeddedLog::open(&world(1, clock.clone(), disk), config).unwrap()
}

fn empty() -> Disk {
    Disk::new(&Image::default())
}

/// Lets the writer do what it does when nothing is asked of it: marks, housekeeping, its end.
async fn pause() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

fn web() -> Topic {
    Topic::new("web").unwrap()
}

fn records(n: u64) -> u32 {
    (n % 4) as u32 + 1
}

fn frame(partition: Partition, n: u64, len: usize) -> Append {
    let mut payload = format!("{partition}/{n}/").into_bytes();
    payload.resize(payload.len().max(len), b'.');
    let header = Header::new(Encoding::OPAQUE, records(n), 1_766_944_800_000_000);
    Append { topic: web(), route: Route::To(partition), header, payload: payload.into() }
}

async fn put(log: &EmbeddedLog, append: Append) -> Offset {
    match log.append(append).await.unwrap() {
        Appended::New(position) => position.offset,
        other => panic!("expected a new frame, got {other:?}"),
    }
}

async fn fill(log: &EmbeddedLog, partition: Partition, range: std::ops::Range<u64>, len: usize) {
    for n in range {
        put(log, frame(partition, n, len)).await;
    }
}

fn number(payload: &Bytes) -> u64 {
    String::from_utf8_lossy(payload).split('/').nth(1).unwrap().parse().unwrap()
}

/// What a partition delivers from a place to its end: the numbers of its frames, and what is damaged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    frames: Vec<(Offset, u64)>,
    damaged: Vec<(Offset, Offset, u64)>,
}

impl Seen {
    fn numbers(&self) -> Vec<u64> {
        self.frames.iter().map(|(_, n)| *n).collect()
    }

    fn lost(&self) -> u64 {
        self.damaged.iter().map(|(_, _, records)| records).sum()
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Frame(frame) => self.frames.push((frame.offset, number(&frame.payload))),
            Delivery::Damaged { from, to, records } => self.damaged.push((from, to, records)),
        }
    }
}

async fn scan(log: &EmbeddedLog, topic: &Topic, partition: Partition, start: Start) -> Seen {
    let mut scan = log.scan(topic, partition, start).await.unwrap();
    let mut seen = Seen::default();
    while let Some(delivery) = scan.next().await.unwrap() {
        seen.take(delivery);
    }
    seen
}

async fn all(log: &EmbeddedLog, partition: Partition) -> Seen {
    scan(log, &web(), partition, Start::Oldest).await
}

type Reader = Box<dyn PartitionReader>;

/// The reader of partition 0 of a group.
async fn join(log: &EmbeddedLog) -> (Box<dyn Subscription>, Reader) {
    let mut sub = log.subscribe(&web(), &Group::new("g").unwrap(), 1).await.unwrap();
    match sub.next().await.unwrap() {
        Event::Assigned(reader) if reader.lease().partition == P0 => (sub, reader),
        _ => panic!("expected partition 0"),
    }
}

/// The group's position in partition 0.
async fn position(log: &EmbeddedLog) -> Option<Offset> {
    join(log).await.1.committed().await.unwrap().map(|c| c.offset)
}

fn note(text: &str) -> Note {
    Note::new(text.to_owned()).unwrap()
}

fn key(n: u64) -> Key {
    let spread = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Key { hash: spread.to_be_bytes(), digest: u128::from(n + 1).to_le_bytes() }
}

fn segment(number: u64) -> PathBuf {
    Path::new(DIR).join(format!("{number:016x}.seg"))
}

fn quarantined(image: &Image) -> Vec<(String, Vec<u8>)> {
    let inside = image.iter().filter(|(path, _)| path.starts_with(Path::new(DIR).join("quarantine")));
    inside.map(|(path, bytes)| (path.file_name().unwrap().to_string_lossy().into(), bytes.to_vec())).collect()
}

/// The frames of a segment as they lie there.
fn frames(image: &Image, number: u64) -> Vec<FrameHead> {
    let disk = Disk::new(image);
    let file: Box<dyn File> = logmill_world::Fs::open(&disk, &segment(number), Mode::Read).unwrap();
    let mut walk = Walk::new(&*file, number, None).unwrap();
    let (mut at, mut heads) = (0, Vec::new());
    while let Some(head) = walk.next(at).unwrap() {
        at = head.place.at as usize + head.span();
        heads.push(head);
    }
    heads
}

fn data(heads: &[FrameHead], partition: Partition) -> Vec<&FrameHead> {
    heads.iter().filter(|h| h.kind == Kind::Data && h.partition == partition).collect()
}

/// Bytes of a frame: header, payload.
fn parts(head: &FrameHead) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let at = head.place.at as usize;
    let body = at + head.header_len as usize;
    (at..body, body..body + head.payload_len as usize)
}

fn flip(image: &mut Image, number: u64, at: usize) {
    image.get_mut(&segment(number)).unwrap()[at] ^= 0x41;
}

fn unknown(answer: &Result<Appended, AppendError>) -> bool {
    matches!(answer, Err(AppendError::Unknown(_)))
}
