//! A log, a store whose faults are ours, and the queue around them.

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use logmill_queue::embedded::{EmbeddedLog, LogConfig};
use logmill_queue::{
    Append, Appended, Delivery, Encoding, Event, Frame, Group, Header, Key, Partition, PartitionReader,
    Queue, Route, Start, Subscription, Topic,
};
use logmill_store::Store;
use logmill_world::sim::{Disk, Image, SimClock, world};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Semaphore;

use crate::{Objects, RawBatches, RawConfig};

pub(super) const MAX: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

/// A store in memory that can be away, gone, overwriting, or slow.
#[derive(Debug)]
pub(super) struct Faulty {
    pub inner: InMemory,
    pub is_away: AtomicBool,
    /// There is no such bucket: nothing in it is there, and it cannot be listed.
    pub is_gone: AtomicBool,
    pub overwrites: AtomicBool,
    pub gets: AtomicU32,
    /// Bytes of objects that were read.
    pub read: Arc<AtomicUsize>,
    /// A get takes one of these.
    pub gate: Semaphore,
}

impl Faulty {
    fn check(&self) -> Result<()> {
        let away = || object_store::Error::Generic { store: "faulty", source: "it is away".into() };
        if self.is_away.load(Ordering::SeqCst) { Err(away()) } else { Ok(()) }
    }

    pub(super) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        self.check()?;
        if self.overwrites.load(Ordering::SeqCst) {
            options.mode = PutMode::Overwrite;
        }
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.expect("it stays open").forget();
        self.check()?;
        if self.is_gone.load(Ordering::SeqCst) {
            return Err(object_store::Error::NotFound { path: path.to_string(), source: "no bucket".into() });
        }
        let found = self.inner.get_opts(path, options).await?;
        let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
        let read = self.read.clone();
        let bytes = found.into_stream();
        let counted = bytes.inspect_ok(move |bytes| _ = read.fetch_add(bytes.len(), Ordering::SeqCst));
        Ok(GetResult { payload: GetResultPayload::Stream(Box::pin(counted)), meta, range, attributes })
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.is_gone.load(Ordering::SeqCst) {
            let gone = object_store::Error::NotFound { path: String::new(), source: "no bucket".into() };
            return Box::pin(futures_util::stream::once(async { Err(gone) }));
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

pub(super) struct Rig {
    pub store: Arc<Faulty>,
    /// The log below, where references can be seen.
    pub log: Arc<dyn Queue>,
    pub queue: Arc<dyn Queue>,
}

impl Rig {
    /// Payloads larger than `above` go into the store.
    pub(super) fn new(above: u64) -> Self {
        let config = LogConfig {
            dir: FilePath::new("/data/log").to_path_buf(),
            partitions: 1,
            segment_bytes: 1 << 20,
            max_payload: 1 << 16,
            retention_bytes: 1 << 30,
            retention_age: 24 * HOUR,
            reserve_bytes: 0,
            horizon: HOUR,
            readers: Vec::new(),
        };
        let world = world(1, SimClock::start(), &Disk::new(&Image::default()));
        let (log, _) = EmbeddedLog::open(&world, &config).unwrap();
        let store = Arc::new(Faulty {
            inner: InMemory::new(),
            is_away: AtomicBool::default(),
            is_gone: AtomicBool::default(),
            overwrites: AtomicBool::default(),
            gets: AtomicU32::default(),
            read: Arc::default(),
            gate: Semaphore::new(1000),
        });
        let log: Arc<dyn Queue> = Arc::new(log);
        let objects = Objects::new(
            Store::new(store.clone(), "raw", "s3://bucket"),
            RawConfig { above, max_payload: MAX },
        );
        let queue = Arc::new(RawBatches::new(log.clone(), objects));
        Self { store, log, queue }
    }

    /// The same log seen by a process with another store, or none.
    pub(super) fn seen_with(&self, objects: Objects) -> Arc<dyn Queue> {
        Arc::new(RawBatches::new(self.log.clone(), objects))
    }

    /// Names and bytes of all objects.
    pub(super) async fn objects(&self) -> Vec<(String, Bytes)> {
        let mut found = Vec::new();
        let mut all: Vec<_> = self.store.inner.list(None).try_collect().await.unwrap();
        all.sort_by(|a, b| a.location.cmp(&b.location));
        for meta in all {
            let bytes = self.store.inner.get(&meta.location).await.unwrap().bytes().await.unwrap();
            found.push((meta.location.to_string(), bytes));
        }
        found
    }

    pub(super) async fn only_object(&self) -> Path {
        let found = self.objects().await;
        assert_eq!(found.len(), 1, "{found:?}");
        Path::parse(&found[0].0).unwrap()
    }

    /// What a frame is in the log below.
    pub(super) async fn below(&self) -> Vec<Frame> {
        frames(&self.log, &web()).await
    }
}

pub(super) fn web() -> Topic {
    Topic::new("web").unwrap()
}

/// A batch of `records` records; the payload differs from byte to byte.
pub(super) fn batch(n: u8, bytes: usize, records: u32) -> Append {
    let mut header = Header::new(Encoding(2), records, 1_767_323_045_000_120);
    header.customer = "acme".into();
    header.batch_id = [n; 16];
    let payload: Bytes = (0..bytes).map(|at| n.wrapping_add(at as u8)).collect();
    Append { topic: web(), route: Route::To(Partition(0)), header, payload }
}

/// The same with a key, whose digest tells its body.
pub(super) fn keyed(n: u8, body: u8, bytes: usize) -> Append {
    let mut append = batch(body, bytes, 3);
    append.header.batch_id = [n; 16];
    append.header.key = Some(Key { hash: [n; 16], digest: [body; 16] });
    append
}

pub(super) async fn put(queue: &Arc<dyn Queue>, append: Append) {
    let put = queue.append(append).await.unwrap();
    assert!(matches!(put, Appended::New(_)), "{put:?}");
}

pub(super) async fn deliveries(queue: &Arc<dyn Queue>, topic: &Topic) -> Vec<Delivery> {
    let mut scan = queue.scan(topic, Partition(0), Start::Oldest).await.unwrap();
    let mut found = Vec::new();
    while let Some(delivery) = scan.next().await.unwrap() {
        found.push(delivery);
    }
    found
}

pub(super) async fn frames(queue: &Arc<dyn Queue>, topic: &Topic) -> Vec<Frame> {
    let all = deliveries(queue, topic).await.into_iter();
    all.map(|delivery| match delivery {
        Delivery::Frame(frame) => frame,
        damaged => panic!("expected a frame, got {damaged:?}"),
    })
    .collect()
}

pub(super) async fn reader(queue: &Arc<dyn Queue>) -> (Box<dyn PartitionReader>, Box<dyn Subscription>) {
    let mut member = queue.subscribe(&web(), &Group::new("g").unwrap(), 1 << 20).await.unwrap();
    let Event::Assigned(mut reader) = member.next().await.unwrap() else { panic!("expected Assigned") };
    reader.start(Start::Oldest).await.unwrap();
    (reader, member)
}

/// The next frame of a reader.
pub(super) async fn next(reader: &mut Box<dyn PartitionReader>) -> Frame {
    match reader.next().await.unwrap() {
        Delivery::Frame(frame) => frame,
        damaged => panic!("expected a frame, got {damaged:?}"),
    }
}

/// Whether it is the batch that was appended, in everything.
pub(super) fn same(frame: &Frame, append: &Append) {
    assert_eq!(frame.header, append.header);
    assert_eq!(frame.payload, append.payload);
}
