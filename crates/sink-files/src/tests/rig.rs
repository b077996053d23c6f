//! The sink on the simulated disk, driven as the runner drives it: read, write, stage, commit, checkpoint.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use logmill_model::Format;
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{
    Append, Appended, Delivery, Encoding, Event, Group, Header, Lease, Offset, Opening, Outcome, Partition,
    PartitionReader, Queue, Route, Sink, SinkError, Staged, Start, Subscription, Topic, Writer,
};
use logmill_world::sim::{self, Disk, Image, SimClock};
use logmill_world::{Fs, World};

use crate::{FilesConfig, FilesSink};

pub(super) const P0: Partition = Partition(0);
pub(super) const FILES: &str = "/files/logs";

pub(super) fn web() -> Topic {
    Topic::new("web").unwrap()
}

fn log_config(name: &str) -> LogConfig {
    let hour = std::time::Duration::from_secs(3600);
    LogConfig {
        dir: Path::new("/data/queue").join(name),
        partitions: 1,
        segment_bytes: 1 << 20,
        max_payload: 1 << 18,
        retention_bytes: 1 << 30,
        retention_age: hour,
        reserve_bytes: 0,
        readers: Vec::new(),
        horizon: hour,
    }
}

pub(super) fn files_config() -> FilesConfig {
    FilesConfig {
        dir: "/files".into(),
        topic: web(),
        group: Group::new("g").unwrap(),
        default_customer: "default".into(),
    }
}

/// Runs `test` with paused time.
pub(super) fn simulate<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// A process: its queue, its sink and the partition that it reads.
pub(super) struct Rig {
    pub world: World,
    pub disk: Disk,
    pub queue: Arc<EmbeddedQueue>,
    pub sink: FilesSink,
}

pub(super) struct Reading {
    _subscription: Box<dyn Subscription>,
    pub reader: Box<dyn PartitionReader>,
    pub writer: Box<dyn Writer>,
    pub lease: Lease,
    /// Where the range that is being written begins.
    pub from: Offset,
    pub end: Offset,
}

impl Reading {
    /// What was written since the last call, as the runner stages it.
    pub(super) fn staged(&mut self) -> Staged {
        let from = std::mem::replace(&mut self.from, self.end);
        Staged { lease: self.lease.clone(), from, to: self.end, content: self.writer.stage() }
    }
}

impl Rig {
    pub(super) fn new(disk: &Disk) -> Self {
        let world = sim::world(3, SimClock::start(), disk);
        Self::with(world, disk)
    }

    pub(super) fn with(world: World, disk: &Disk) -> Self {
        let queue = EmbeddedQueue::start(&world, "/data/LOCK".into(), log_config("main"), log_config("side"))
            .unwrap();
        let sink = FilesSink::new(world.clone(), queue.clone(), files_config());
        Self { world, disk: disk.clone(), queue, sink }
    }

    pub(super) fn fresh() -> Self {
        Self::new(&Disk::new(&Image::default()))
    }

    pub(super) async fn append(&self, customer: &str, encoding: Encoding, count: u32, body: &str) -> Offset {
        self.append_lenient(customer, encoding, count, &[], body).await
    }

    pub(super) async fn append_lenient(
        &self,
        customer: &str,
        encoding: Encoding,
        count: u32,
        rejected: &[u32],
        body: &str,
    ) -> Offset {
        let mut header = Header::new(encoding, count, self.world.clock().wall());
        header.customer = customer.to_owned();
        header.rejected = rejected.to_vec();
        let payload = Bytes::from(body.to_owned());
        match self.queue.append(Append { topic: web(), route: Route::To(P0), header, payload }).await.unwrap()
        {
            Appended::New(position) => position.offset,
            other => panic!("{other:?}"),
        }
    }

    /// A batch of one record of the default customer.
    pub(super) async fn put(&self, hour: u8, path: &str) -> Offset {
        self.append("default", Encoding(Format::Ndjson.code()), 1, &record(hour, path)).await
    }

    /// Opens the sink as the runner does.
    pub(super) async fn open(&self) -> Result<Reading, SinkError> {
        let group = Group::new("files").unwrap();
        let mut subscription = self.queue.subscribe(&web(), &group, 1 << 20).await.unwrap();
        let Event::Assigned(mut reader) = subscription.next().await.unwrap() else { panic!("not assigned") };
        let lease = reader.lease().clone();
        let committed = reader.committed().await.unwrap();
        let Opening { writer, start, .. } = self.sink.open(lease.clone(), committed.as_ref()).await?;
        let end = reader.start(start).await?;
        Ok(Reading { _subscription: subscription, reader, writer, lease, from: end, end })
    }

    /// Reads all that is there, commits it as one range.
    pub(super) async fn deliver(&self, reading: &mut Reading) -> Result<Vec<Outcome>, SinkError> {
        let Some(staged) = self.stage(reading).await else { return Ok(Vec::new()) };
        self.sink.commit(&[staged]).await
    }

    pub(super) async fn stage(&self, reading: &mut Reading) -> Option<Staged> {
        let (_, end) = self.queue.bounds(&web(), P0).await.unwrap();
        while reading.end < end {
            let delivery = reading.reader.next().await.unwrap();
            reading.end = delivery.end();
            reading.writer.write(&delivery);
        }
        (reading.end > reading.from).then(|| reading.staged())
    }

    /// One file below `logs/`.
    pub(super) fn file(&self, name: &str) -> Option<String> {
        let bytes = self.disk.read(&Path::new(FILES).join(name), 1 << 30).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    pub(super) fn write(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = Path::new(FILES).join(name);
        let mut bytes = self.disk.read(&path, 1 << 30).unwrap_or_default();
        change(&mut bytes);
        self.disk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = self.disk.open(&path, logmill_world::Mode::Create).unwrap();
        file.set_len(0).unwrap();
        file.write_at(&[std::io::IoSlice::new(&bytes)], 0).unwrap();
    }
}

pub(super) fn record(hour: u8, path: &str) -> String {
    format!("{{\"timestamp\":\"2025-12-28T{hour:02}:00:00Z\",\"path\":\"{path}\",\"userAgent\":\"x\"}}\n")
}

pub(super) fn records(hour: u8, paths: &[&str]) -> String {
    paths.iter().map(|path| record(hour, path)).collect()
}

/// All hourly files of a disk.
pub(super) fn files_of(image: &Image) -> BTreeMap<String, String> {
    let below = image.iter().filter_map(|(path, bytes)| {
        let name = path.strip_prefix(FILES).ok()?.to_str()?;
        (!name.starts_with(".logmill"))
            .then(|| (name.to_owned(), String::from_utf8_lossy(bytes).into_owned()))
    });
    below.collect()
}

/// Where the sink begins to read.
pub(super) async fn start_of(rig: &Rig) -> Start {
    let lease = Lease::new(rig.queue.log_id(&web()).unwrap(), web(), P0, 1);
    rig.sink.open(lease, None).await.unwrap().start
}

/// A frame as the log would deliver it.
pub(super) fn is_frame(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Frame(_))
}
