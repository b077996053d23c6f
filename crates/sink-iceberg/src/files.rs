//! The Parquet files of a commit: one for each day, over all ranges that are left, so that partitions do not multiply small files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::{DataFile, Datum};
use logmill_queue::{BoxFuture, Class, Epoch, LogId, Offset, Partition, QueueError, Staged};
use logmill_world::{Micros, World};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::catalog::Base;
use crate::commit::{Files, Prepared};
use crate::data_file::{self, Encoded, Place};
use crate::metrics::LakeMetrics;
use crate::rows::{self, Collected, Counts};
use crate::storage::Storage;
use crate::table;
use crate::writer::StagedRows;

/// What the names of all data files begin with.
pub(crate) const PREFIX: &str = "logmill-";

/// Days whose dates can be written (about the years -6000 to 10000).
const DAYS: std::ops::Range<i32> = -2_900_000..2_900_000;

/// Writes the files of commits, one commit at a time, and knows the last one's.
pub(crate) struct FileWriter {
    world: World,
    metrics: LakeMetrics,
    rewrite_after: Duration,
    /// Parquet writers that may work at the same time.
    cores: Arc<Semaphore>,
    at_once: usize,
    last: Mutex<Option<Last>>,
}

/// Which ranges a commit is of.
type Key = Vec<(LogId, Partition, Epoch, Offset, Offset)>;

struct Last {
    key: Key,
    commit: Uuid,
    files: Vec<DataFile>,
    /// By both clocks.
    at: Moment,
}

/// When something began: a machine that sleeps stops its monotonic clock, and somebody may set the other one.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Duration,
    wall: Micros,
}

impl Moment {
    pub(crate) fn now(world: &World) -> Self {
        Self { monotonic: world.clock().monotonic(), wall: world.clock().wall() }
    }

    /// The longer of both.
    pub(crate) fn age(self, world: &World) -> Duration {
        let now = Self::now(world);
        let wall = u64::try_from(now.wall.saturating_sub(self.wall)).unwrap_or(0);
        now.monotonic.saturating_sub(self.monotonic).max(Duration::from_micros(wall))
    }
}

/// The writer for one call of `Sink::commit`.
pub(crate) struct OfRanges<'a> {
    writer: &'a FileWriter,
    storage: &'a Storage,
    staged: &'a [Staged],
}

impl FileWriter {
    pub(crate) fn new(world: &World, metrics: &LakeMetrics, rewrite_after: Duration) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            world: world.clone(),
            metrics: metrics.clone(),
            rewrite_after,
            cores: Arc::new(Semaphore::new(at_once)),
            at_once,
            last: Mutex::default(),
        }
    }

    pub(crate) fn of<'a>(&'a self, storage: &'a Storage, staged: &'a [Staged]) -> OfRanges<'a> {
        OfRanges { writer: self, storage, staged }
    }

    /// The commit is over.
    pub(crate) fn forget(&mut self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What was written for these ranges before, if it is young enough.
    fn again(&self, key: &Key) -> Option<Prepared> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_young = |last: &&Last| last.at.age(&self.world) < self.rewrite_after;
        let last = last.as_ref().filter(|last| last.key == *key).filter(is_young)?;
        Some(Prepared { commit: last.commit, files: last.files.clone() })
    }

    /// Encodes the rows of a day beside the async threads.
    async fn encode(&self, parts: Vec<Arc<Collected>>, day: i32) -> Result<(Encoded, Counts), QueueError> {
        let failed = |error| QueueError::caused(Class::Bug, "the Parquet writer", error);
        let permit = self.cores.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let parts: Vec<&Collected> = parts.iter().map(|part| &**part).collect();
            let mut batches = rows::batches(&parts, day);
            let encoded = data_file::encode(rows::schema(), batches.rows_left(), &mut batches)?;
            Ok((encoded, batches.counts()))
        });
        done.await.map_err(failed)?
    }
}

impl OfRanges<'_> {
    async fn write(&self, base: &Base, left: &[usize]) -> Result<Prepared, QueueError> {
        let key = self.key(left);
        if let Some(prepared) = self.writer.again(&key) {
            return Ok(prepared);
        }
        let at = Moment::now(&self.writer.world);
        let commit = uuid::Builder::from_random_bytes(self.writer.world.random_id()).into_uuid();
        let mut writes: Vec<BoxFuture<'_, Result<DataFile, QueueError>>> = Vec::new();
        for (day, parts) in self.days(left) {
            writes.push(Box::pin(self.file(base, commit, day, parts)));
        }
        let files: Vec<DataFile> =
            futures_util::stream::iter(writes).buffered(self.writer.at_once).try_collect().await?;
        let last = Last { key, commit, files: files.clone(), at };
        *self.writer.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(Prepared { commit, files })
    }

    async fn file(
        &self,
        base: &Base,
        commit: Uuid,
        day: i32,
        parts: Vec<Arc<Collected>>,
    ) -> Result<DataFile, QueueError> {
        let metadata = &base.metadata;
        let (encoded, mended) = self.writer.encode(parts, day).await?;
        let place = Place {
            location: location(metadata.location(), day, commit, 0)?,
            day,
            spec_id: metadata.default_partition_spec_id(),
            order_id: table::order_id(metadata),
        };
        let file = data_file::describe(&encoded.described, place)?;
        self.storage.put(file.file_path(), encoded.bytes).await?;
        self.writer.metrics.written(mended);
        Ok(file)
    }

    fn key(&self, left: &[usize]) -> Key {
        let staged = left.iter().filter_map(|at| self.staged.get(*at));
        staged.map(|of| (of.lease.log, of.lease.partition, of.lease.epoch, of.from, of.to)).collect()
    }

    fn days(&self, left: &[usize]) -> BTreeMap<i32, Vec<Arc<Collected>>> {
        let mut days: BTreeMap<i32, Vec<Arc<Collected>>> = BTreeMap::new();
        for staged in left.iter().filter_map(|at| self.staged.get(*at)) {
            let Some(rows) = staged.content.downcast_ref::<StagedRows>() else { continue };
            for day in rows.collected.days() {
                days.entry(day).or_default().push(rows.collected.clone());
            }
        }
        days
    }
}

impl Files for OfRanges<'_> {
    fn prepare<'a>(
        &'a self,
        base: &'a Base,
        left: &'a [usize],
    ) -> BoxFuture<'a, Result<Prepared, QueueError>> {
        Box::pin(self.write(base, left))
    }
}

/// Where a file of a commit lies; `number` tells those of one day apart.
///
/// # Errors
/// `Bug`: a day without a date.
pub(crate) fn location(table: &str, day: i32, commit: Uuid, number: usize) -> Result<String, QueueError> {
    if !DAYS.contains(&day) {
        return Err(QueueError::new(Class::Bug, format!("rows of the day {day}, which has no date")));
    }
    let number = if number == 0 { String::new() } else { format!("-{number}") };
    Ok(format!("{table}/data/timestamp_day={}/{PREFIX}{commit}{number}.parquet", Datum::date(day)))
}
