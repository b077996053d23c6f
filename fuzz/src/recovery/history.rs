//! Logs that were written in good order, and all that is known about them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::embedded::{EmbeddedLog, LogConfig, Opened};
use logmill_queue::{
    Append, Appended, Encoding, Event, Frame, Group, Header, Key, Note, Partition, PartitionReader, Queue,
    Route, Start, Subscription, Topic,
};
use logmill_world::sim::{Disk, Image, SimClock, world};

/// The folder of the log.
pub(super) const DIR: &str = "/log";
const SEGMENT: u32 = 64 * 1024;
/// The partitions of the log.
pub(super) const PARTITIONS: [Partition; 2] = [Partition(0), Partition(1)];
/// Where the group stands in partition 0.
pub(super) const POSITION: u64 = 3;

/// A log that nobody has open, and what was written to it.
pub(super) struct History {
    pub(super) image: Image,
    /// The frames of each partition in their order.
    pub(super) frames: [Vec<Frame>; 2],
    /// The files that can be damaged: the segments, then what is made from them.
    pub(super) files: Vec<PathBuf>,
    /// The file and bytes of the last mark, where the log ends in one: it tells the end of each partition.
    pub(super) mark: Option<(PathBuf, std::ops::Range<usize>)>,
}

impl History {
    /// Records of a partition.
    pub(super) fn records(&self, partition: Partition) -> u64 {
        self.frames[usize::from(partition.0)].iter().map(|frame| u64::from(frame.header.count)).sum()
    }
}

/// Runs something in simulated time.
pub(super) fn simulate<T, F: Future<Output = T>>(run: impl FnOnce(Arc<SimClock>) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // What never ends would go on in simulated time for ever.
    let limit = Duration::from_secs(20_000);
    let ended = async { tokio::time::timeout(limit, run(SimClock::start())).await };
    runtime.expect("a runtime").block_on(ended).expect("something is waited for in vain")
}

/// Opens the log on a disk, for the first, second or third time: one that has to begin anew gets another id.
/// Whatever its bytes are, that is no error.
pub(super) fn open(clock: &Arc<SimClock>, disk: &Disk, life: u64) -> (EmbeddedLog, Opened) {
    let config = LogConfig {
        dir: PathBuf::from(DIR),
        partitions: 2,
        segment_bytes: SEGMENT,
        max_payload: SEGMENT / 4,
        retention_bytes: u64::MAX,
        retention_age: Duration::from_secs(1_000_000),
        reserve_bytes: 0,
        horizon: Duration::from_secs(1000),
        // Keeps retention away: in one partition it never commits.
        readers: vec![(group(), topic())],
    };
    EmbeddedLog::open(&world(life, clock.clone(), disk), &config).expect("damage is no error")
}

/// Lets the writer do what it does when nothing is asked of it: marks, housekeeping, its end.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

pub(super) fn topic() -> Topic {
    Topic::new("web").expect("a name")
}

pub(super) fn group() -> Group {
    Group::new("g").expect("a name")
}

/// The reader of partition 0 of the group.
pub(super) async fn join(log: &EmbeddedLog) -> (Box<dyn Subscription>, Box<dyn PartitionReader>) {
    let mut membership = log.subscribe(&topic(), &group(), 1).await.expect("a membership");
    match membership.next().await.expect("an event") {
        Event::Assigned(reader) if reader.lease().partition == PARTITIONS[0] => (membership, reader),
        _ => panic!("expected partition 0"),
    }
}

/// A frame in which each part of a header is there now and then.
pub(super) fn frame(partition: Partition, n: u64, len: usize) -> Append {
    let mut payload = format!("{partition}/{n}/").into_bytes();
    payload.resize(payload.len().max(len), b'.');
    let mut header = Header::new(Encoding::OPAQUE, (n % 4) as u32 + 1, 1_766_944_800_000_000 + n as i64);
    header.batch_id = u128::from(n).to_le_bytes();
    if n % 2 == 1 {
        let hash = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        header.key = Some(Key { hash: hash.to_be_bytes(), digest: hash.to_le_bytes() });
        header.customer = "acme".to_owned();
    }
    if n % 4 == 3 {
        header.rejected = vec![0, 2];
        header.span = Some((1, 2));
        header.attributes = vec![("reason".to_owned(), payload[..4].to_vec().into())];
    }
    Append { topic: topic(), route: Route::To(partition), header, payload: payload.into() }
}

/// Appends a frame; answers its offset.
pub(super) async fn put(log: &EmbeddedLog, append: Append) -> u64 {
    match log.append(append).await {
        Ok(Appended::New(position)) => position.offset,
        other => panic!("expected a new frame: {other:?}"),
    }
}

/// All kinds of logs: of one segment and of three, closed in good order; and two that were killed, whose last
/// frames are each a group of its own or all in one.
pub(super) fn histories() -> Vec<History> {
    vec![
        simulate(async |clock| write(&clock, 12, 20, true, false).await),
        simulate(async |clock| write(&clock, 40, 4000, true, false).await),
        simulate(async |clock| write(&clock, 12, 20, false, false).await),
        simulate(async |clock| write(&clock, 12, 20, false, true).await),
    ]
}

async fn write(clock: &Arc<SimClock>, count: u64, len: usize, closed: bool, together: bool) -> History {
    let disk = Disk::new(&Image::default());
    let (log, _) = open(clock, &disk, 1);
    let (membership, mut reader) = join(&log).await;
    let mut frames = [Vec::new(), Vec::new()];
    let mut waiting = Vec::new();
    for n in 0..count {
        let partition = PARTITIONS[usize::from(n % 3 == 2)];
        let append = frame(partition, n, len);
        let (header, payload) = (append.header.clone(), append.payload.clone());
        let lane = &mut frames[usize::from(partition.0)];
        let offset = lane.len() as u64;
        lane.push(Frame { offset, header, payload });
        if together && n >= count / 2 {
            let log = log.clone();
            waiting.push(tokio::spawn(async move { put(&log, append).await }));
        } else {
            assert_eq!(put(&log, append).await, offset);
        }
        if n == 6 {
            reader.start(Start::Oldest).await.expect("the begin");
            let note = Note::new("three".to_owned()).expect("short");
            reader.commit(POSITION, &note).await.expect("a position");
        }
    }
    for task in waiting {
        task.await.expect("it was stored");
    }
    if closed {
        drop((log, membership, reader));
        pause().await;
    }
    known(disk.killed(), frames)
}

fn known(image: Image, frames: [Vec<Frame>; 2]) -> History {
    let ending = |wanted: &str| {
        let paths = image.iter().map(|(path, _)| path.to_path_buf());
        paths.filter(|path| path.extension().is_some_and(|e| e == wanted)).collect::<Vec<_>>()
    };
    let segments = ending("seg");
    let last = segments.last().expect("a segment").clone();
    let mark = last_frame(image.get(&last).expect("it is listed"));
    let mark = mark.filter(|(kind, _)| *kind == 4).map(|(_, range)| (last, range));
    let files = segments.into_iter().chain(ending("idx")).chain(ending("run")).collect();
    History { image, frames, files, mark }
}

/// Kind and place of a segment's last frame, by FORMAT.md.
fn last_frame(segment: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (mut at, mut last) = (0, None);
    while let Some(frame) = segment.get(at..).filter(|rest| rest.starts_with(b"LMF1")) {
        let length = |from| u32::from_le_bytes(*frame[from..].first_chunk().expect("a header")) as usize;
        let span = (length(8) + length(12)).next_multiple_of(8);
        last = Some((frame[20], at..at + span));
        at += span;
    }
    last
}
