//! Starts of a log whose files were damaged.
//!
//! The first byte names one of a few logs that were written before, the rest damages its files.

mod damage;
mod history;

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use logmill_queue::embedded::tools::LogFiles;
use logmill_queue::embedded::{EmbeddedLog, Opened};
use logmill_queue::{Delivery, Frame, Group, Partition, Queue, Start};
use logmill_world::sim::{Disk, Image, SimClock};
use tokio::time::timeout;

use history::{
    DIR, History, PARTITIONS, POSITION, frame, histories, join, open, pause, put, simulate, topic,
};

static HISTORIES: LazyLock<Vec<History>> = LazyLock::new(histories);

/// A damaged log starts, delivers only what was written, tells what is lost, and can be written on.
pub fn check(data: &[u8]) {
    let Some((which, changes)) = data.split_first() else { return };
    let history = &HISTORIES[usize::from(*which) % HISTORIES.len()];
    let image = damage::apply(history, changes);
    look(&image);
    simulate(|clock| live(clock, history, image));
}

/// The commands that look into the files get through them.
fn look(image: &Image) {
    let disk = Disk::new(image);
    let files = LogFiles::new(Arc::new(disk.clone()), Path::new(DIR));
    files.inspect().expect("damage is no error");
    let findings = files.verify(|_, _| {}).expect("damage is no error");
    assert!(findings.iter().all(|finding| finding.from < finding.to), "{findings:?}");
    files.frames(&topic(), |_, _| Ok(())).expect("damage is no error");
    let copies = files.repair().expect("damage is no error");
    assert_eq!(copies.len(), findings.len());
}

/// What a partition delivers.
#[derive(Debug, Default)]
struct Seen {
    frames: Vec<Frame>,
    delivered: u64,
    damaged: u64,
    end: u64,
}

async fn read(log: &EmbeddedLog, partition: Partition) -> Seen {
    let mut scan = log.scan(&topic(), partition, Start::Oldest).await.expect("the begin is there");
    let mut seen = Seen::default();
    while let Some(delivery) = scan.next().await.expect("damage is no error") {
        assert!(delivery.end() > seen.end || seen.end == 0, "backwards: {delivery:?}");
        seen.end = delivery.end();
        match delivery {
            Delivery::Frame(frame) => {
                seen.delivered += u64::from(frame.header.count);
                seen.frames.push(frame);
            }
            Delivery::Damaged { from, to, records } => {
                assert!(from < to && records > 0, "{from} to {to} with {records}");
                seen.damaged += records;
            }
        }
    }
    seen
}

async fn live(clock: Arc<SimClock>, history: &History, image: Image) {
    let whole = mark_is_whole(history, &image);
    let disk = Disk::new(&image);
    let (log, opened) = open(&clock, &disk, 2);
    let mut before = Vec::new();
    for partition in PARTITIONS {
        let seen = read(&log, partition).await;
        written(history, partition, &seen);
        if whole {
            let total = history.records(partition);
            assert_eq!(seen.delivered + seen.damaged, total, "lost in silence: {opened:?}");
        }
        before.push(seen);
    }
    ledger(&log, &before).await;
    position(&log, whole, &opened).await;
    for (partition, seen) in PARTITIONS.into_iter().zip(&before) {
        let offset = put(&log, frame(partition, 1000, 50)).await;
        let used = history.frames[usize::from(partition.0)].len() as u64;
        let least = if whole { used } else { seen.end };
        assert!(offset >= least, "offset {offset} a second time, {least} were used");
    }
    drop(log);
    pause().await;
    again(&clock, &disk, &before).await;
}

/// While the last mark is as it was written, nothing may be lost in silence.
fn mark_is_whole(history: &History, image: &Image) -> bool {
    let Some((path, range)) = &history.mark else { return false };
    let at = |image: &Image| image.get(path).and_then(|bytes| bytes.get(range.clone())).map(<[u8]>::to_vec);
    at(image).is_some() && at(image) == at(&history.image)
}

/// What is delivered is what was written, in its order.
fn written(history: &History, partition: Partition, seen: &Seen) {
    let expected = &history.frames[usize::from(partition.0)];
    let mut next = 0;
    for found in &seen.frames {
        let frame = expected.get(found.offset as usize).expect("an offset that was given");
        assert!(found.offset >= next, "offset {} a second time", found.offset);
        next = found.offset + 1;
        assert_eq!(found.header, frame.header);
        assert_eq!(found.payload, frame.payload, "offset {}", found.offset);
    }
    assert!(seen.delivered + seen.damaged <= history.records(partition), "more than was written: {seen:?}");
}

/// A new group has to read what is delivered and damaged, no more and no less.
async fn ledger(log: &EmbeddedLog, seen: &[Seen]) {
    let depth = log.depth(&topic(), &Group::new("new").expect("a name")).await.expect("a depth");
    let queued = depth.records.expect("records are counted").queued;
    assert_eq!(queued, seen.iter().map(|seen| seen.delivered + seen.damaged).sum::<u64>());
}

/// A position is where it was, or some damage is told; reading can go on from there.
async fn position(log: &EmbeddedLog, whole: bool, opened: &Opened) {
    let (_membership, mut reader) = join(log).await;
    let found = reader.committed().await.expect("a position").map(|committed| committed.offset);
    assert!(found.is_none_or(|offset| offset == POSITION), "{found:?}");
    assert!(found.is_some() || !whole || !opened.damaged.is_empty(), "a position is lost in silence");
    let (_, end) = log.bounds(&topic(), PARTITIONS[0]).await.expect("bounds");
    if let Some(offset) = found {
        assert!(end >= offset, "the log ends at {end} before a position");
        reader.start(Start::At(log.id(), offset)).await.expect("a position can be read from");
        // Nothing comes where only offsets without records follow.
        if let Ok(next) = timeout(Duration::from_secs(1), reader.next()).await {
            let delivery = next.expect("damage is no error");
            assert!(delivery.end() > offset, "backwards: {delivery:?}");
        }
    }
}

/// The next start finds the same, and what was appended since.
async fn again(clock: &Arc<SimClock>, disk: &Disk, before: &[Seen]) {
    let (log, opened) = open(clock, &Disk::new(&disk.killed()), 3);
    assert_eq!(opened.cut, None, "a log that was closed in good order");
    for (partition, before) in PARTITIONS.into_iter().zip(before) {
        let mut seen = read(&log, partition).await;
        let new = seen.frames.pop().expect("the new frame");
        assert_eq!(new.header, frame(partition, 1000, 50).header);
        let offsets = |seen: &Seen| seen.frames.iter().map(|frame| frame.offset).collect::<Vec<_>>();
        assert_eq!(offsets(&seen), offsets(before), "the next start delivers something else");
        assert_eq!(seen.damaged, before.damaged, "the next start finds other damage");
    }
}
