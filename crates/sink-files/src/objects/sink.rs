//! `Sink` on an object store.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use logmill_queue::{
    BoxFuture, Class, Committed, Lease, LogId, Opening, Outcome, Partition, QueueError, Sink, SinkError,
    Staged, Start, Totals,
};
use logmill_store::{Condition, Created, Store};
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, Attributes, GetOptions};

use super::ObjectsConfig;
use super::keep::{Kept, Range};
use super::place::hour;
use super::writer::{Budget, Part, PartWriter, Parts};
use crate::render::FileKey;

/// Parts that are sent at once.
const AT_ONCE: usize = 16;
/// The object's own word for how many records it holds. Azure takes no hyphen in it, and some proxies drop headers with an
/// underscore.
const RECORDS: &str = "logmillrecords";

/// Hours as folders of objects, each range of the log in objects of its own.
pub struct ObjectSink {
    config: ObjectsConfig,
    store: Store,
    budget: Arc<Budget>,
    /// What the group's note says of each partition, and what was added since.
    kept: Mutex<BTreeMap<Partition, Lane>>,
    /// The store was looked at.
    looked: tokio::sync::OnceCell<Condition>,
}

/// What is known of a partition under one lease.
struct Lane {
    lease: Lease,
    kept: Kept,
}

impl Lane {
    fn new(lease: &Lease) -> Self {
        Self { lease: lease.clone(), kept: Kept::default() }
    }
}

impl ObjectSink {
    /// A sink that has not touched the store yet.
    #[must_use]
    pub fn new(store: Store, config: ObjectsConfig) -> Self {
        let budget = Budget::new(config.bytes);
        Self { config, store, budget, kept: Mutex::default(), looked: tokio::sync::OnceCell::new() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<Partition, Lane>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) -> Result<Condition, SinkError> {
        let found = self.store.look().await.map_err(SinkError::Unavailable)?;
        if found == Condition::Ignored {
            tracing::warn!(
                "the object store overwrites objects although it is asked not to; the files stay right, because the same name \
                 always has the same records"
            );
        }
        Ok(found)
    }

    fn open_partition(&self, lease: &Lease, committed: Option<&Committed>) -> Result<Opening, SinkError> {
        let kept = match committed.map(|committed| Kept::read(&committed.note)).transpose() {
            Ok(kept) => kept.unwrap_or_default(),
            Err(line) => {
                let reason = format!(
                    "the group {} keeps a note that this sink did not write ({line:?}): its files lie elsewhere, or a newer \
                     logmill wrote it. Another queue.kafka.group begins anew",
                    self.config.group
                );
                return Err(SinkError::Stop(QueueError::new(Class::Invalid, reason)));
            }
        };
        let again = kept.range.as_ref().map(|range| range.codec);
        let writer = PartWriter::new(self.config.codec, again, &self.budget);
        let start = Start::after(lease.log, committed.map(|committed| committed.offset));
        let until = kept.range.as_ref().map(|range| range.to);
        self.kept().insert(lease.partition, Lane { lease: lease.clone(), kept });
        Ok(Opening { writer: Box::new(writer), start, until })
    }

    /// The range as it is written: as the note says if it was begun before.
    fn range(&self, staged: &Staged, parts: &Parts) -> Range {
        let kept = self.kept().get(&staged.lease.partition).and_then(|lane| lane.kept.range.clone());
        match kept.filter(|_| parts.is_again) {
            Some(range) => range,
            None => Range {
                from: staged.from,
                to: staged.to,
                codec: self.config.codec,
                prefix: self.store.prefix().to_owned(),
            },
        }
    }

    async fn write(&self, staged: &Staged) -> Result<Outcome, SinkError> {
        let Some(parts) = staged.content.downcast_ref::<Parts>().filter(|_| staged.lease.is_held()) else {
            return Ok(staged.fenced());
        };
        if let Some(failure) = &parts.failure {
            let error =
                QueueError::new(Class::Unavailable, format!("a part cannot be compressed: {failure}"));
            return Err(SinkError::Unavailable(error));
        }
        let range = self.range(staged, parts);
        let mut puts: Vec<BoxFuture<'_, Result<(), SinkError>>> = Vec::new();
        for (key, part) in parts.parts.iter().filter(|(_, part)| !part.is_stored.load(Ordering::Relaxed)) {
            puts.push(Box::pin(self.put(staged, &range, key, part)));
        }
        let mut sent = futures_util::stream::iter(puts).buffer_unordered(AT_ONCE);
        while let Some(put) = sent.next().await {
            put?;
        }
        let mut all = self.kept();
        let kept = &mut all.entry(staged.lease.partition).or_insert_with(|| Lane::new(&staged.lease)).kept;
        kept.range = None;
        // Another range of the same commit may have failed, so that this one comes again.
        if !parts.is_counted.swap(true, Ordering::Relaxed) {
            kept.totals.add(&parts.totals);
        }
        Ok(staged.done(kept.note().unwrap_or_default()))
    }

    async fn put(&self, staged: &Staged, range: &Range, key: &FileKey, part: &Part) -> Result<(), SinkError> {
        let Some(path) = self.name(&staged.lease, range, key) else { return Ok(()) };
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(RECORDS.into()), part.records.to_string().into());
        attributes.insert(Attribute::ContentType, AttributeValue::from("application/x-ndjson"));
        let payload = bytes::Bytes::copy_from_slice(&part.bytes);
        if self.store.create(&path, payload, attributes).await.map_err(SinkError::Unavailable)?
            == Created::Exists
        {
            self.compare(&path, part).await?;
        }
        part.is_stored.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A part that is there already is ours if it says that it holds as many records: its name says which.
    async fn compare(&self, path: &Path, part: &Part) -> Result<(), SinkError> {
        let head = GetOptions { head: true, ..GetOptions::default() };
        let found = self.store.objects().get_opts(path, head).await;
        let found = found
            .map_err(|e| SinkError::Unavailable(self.store.failed(&format!("does not show {path}"), e)))?;
        let records =
            found.attributes.get(&Attribute::Metadata(RECORDS.into())).map(|value| value.to_string());
        if records.as_deref() == Some(part.records.to_string().as_str()) {
            return Ok(());
        }
        let reason = format!(
            "the object {path} is there with {} records instead of {}: somebody else wrote it. Move it away to go on",
            records.as_deref().unwrap_or("an unknown number of"),
            part.records
        );
        Err(SinkError::Stop(QueueError::new(Class::Invalid, reason)))
    }

    fn name(&self, lease: &Lease, range: &Range, key: &FileKey) -> Option<Path> {
        let customer = Some(&*key.customer).filter(|customer| *customer != self.config.default_customer);
        let folder = hour(&range.prefix, customer, key.hour)?;
        let Range { from, to, codec, .. } = range;
        let (log, topic, partition) = (short(lease.log), &lease.topic, lease.partition);
        Some(Path::from(format!("{folder}/{log}-{topic}-{partition}-{from}-{to}.ndjson.{}", codec.suffix())))
    }
}

/// Enough to tell logs apart that write to one bucket.
fn short(log: LogId) -> String {
    log.to_string().chars().take(8).collect()
}

impl Sink for ObjectSink {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(async move {
            self.looked.get_or_try_init(|| self.look()).await?;
            self.open_partition(&lease, committed)
        })
    }

    fn intent(&self, staged: &Staged) -> Option<Committed> {
        let parts = staged.content.downcast_ref::<Parts>().filter(|parts| !parts.is_again)?;
        let range = self.range(staged, parts);
        let mut all = self.kept();
        let kept = &mut all.entry(staged.lease.partition).or_insert_with(|| Lane::new(&staged.lease)).kept;
        kept.range = Some(range);
        Some(Committed { offset: staged.from, note: kept.note().unwrap_or_default() })
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async move {
            // All of them get their turn, whatever becomes of one.
            let mut writes: Vec<BoxFuture<'_, Result<Outcome, SinkError>>> = Vec::with_capacity(staged.len());
            for staged in staged {
                writes.push(Box::pin(self.write(staged)));
            }
            let written = futures_util::future::join_all(writes).await;
            written.into_iter().collect()
        })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        // Each commit is final already.
        Box::pin(async { Ok(Vec::new()) })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        // A partition that was lost is somebody else's to account for.
        let all = self.kept();
        let ours = all.iter().filter(|(_, lane)| lane.lease.is_held());
        ours.map(|(partition, lane)| (*partition, lane.kept.totals)).collect()
    }
}
