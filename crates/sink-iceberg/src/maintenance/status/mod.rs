//! What a table holds, for an operator.

mod history;

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::{DataFile, ManifestContentType, ManifestFile};
use logmill_queue::{BoxFuture, Offset, Partition, QueueError, Totals};
use logmill_world::Micros;

use super::compact::SMALL;
use super::entries::live;
use super::{Maintenance, Step};
use crate::catalog::Base;
use crate::commit::{current, manifests};
use crate::position::{self, Known};
use crate::storage::Storage;

pub use history::History;

/// Manifests that are read at the same time.
const READS: usize = 8;

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where its files lie.
    pub location: String,
    /// Its uuid.
    pub uuid: String,
    /// Its snapshots, on all branches.
    pub snapshots: usize,
    /// The one that readers see, and when it was made; none before the first commit.
    pub current: Option<(i64, Micros)>,
    /// What that one names.
    pub files: LiveFiles,
    /// Snapshots of ours, newer than the oldest one of the current history, that are not in it: another engine rolled back past
    /// them. They are known until they expire.
    pub rolled_back: Vec<i64>,
    /// How far it holds each partition.
    pub positions: Vec<HeldPosition>,
}

/// The files of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveFiles {
    /// Manifests that name them.
    pub manifests: usize,
    /// Data files.
    pub data: u64,
    /// Rows in them; what delete files remove is counted.
    pub rows: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// Data files that are smaller than they should be.
    pub small: u64,
    /// Files that say which rows of others are deleted.
    pub deletes: u64,
}

/// How far a table holds one partition of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPosition {
    /// The log's id.
    pub log: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: Partition,
    /// The first offset that the table does not hold.
    pub next: Offset,
    /// The commit that brought it there.
    pub commit: String,
    /// What became of the partition's records so far.
    pub totals: Totals,
    /// Whether the snapshot that readers see agrees.
    pub history: History,
}

impl Maintenance {
    /// What the table holds now; none if there is no table. All manifests of the current snapshot are read.
    ///
    /// # Errors
    /// The catalog or the storage fails, or the table is not one of ours.
    pub async fn status(&self) -> Result<Option<Status>, QueueError> {
        let Some(base) = self.load().await? else { return Ok(None) };
        let metadata = &base.metadata;
        Ok(Some(Status {
            location: metadata.location().to_owned(),
            uuid: metadata.uuid().to_string(),
            snapshots: metadata.snapshots().count(),
            current: current(metadata).map(|of| (of.snapshot_id(), of.timestamp_ms().saturating_mul(1000))),
            files: self.files(&base).await?,
            rolled_back: history::rolled_back(metadata),
            positions: self.held(&base).await?,
        }))
    }

    /// How far the table holds each partition of each log; none if there is no table.
    ///
    /// # Errors
    /// As `status`, or a position that logmill did not write.
    pub async fn positions(&self) -> Result<Option<Vec<HeldPosition>>, QueueError> {
        let Some(base) = self.catalog.load(&self.table).await? else { return Ok(None) };
        Ok(Some(self.held(&base).await?))
    }

    /// The positions in the table's properties, beside what the current snapshot's history says, where the catalog shows it.
    async fn held(&self, base: &Base) -> Result<Vec<HeldPosition>, QueueError> {
        let mut held = held(base)?;
        if self.catalog.hides_states().await? {
            let untold = held.iter_mut().filter(|of| of.history == History::RolledBack(None));
            untold.for_each(|of| of.history = History::Expired);
        }
        Ok(held)
    }

    async fn files(&self, base: &Base) -> Result<LiveFiles, QueueError> {
        let Some(snapshot) = current(&base.metadata) else { return Ok(LiveFiles::default()) };
        let storage = self.storage(base)?;
        let manifests = manifests(&storage, &base.metadata, snapshot).await?;
        let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(manifests.len());
        for manifest in &manifests {
            reads.push(Box::pin(count(&storage, manifest)));
        }
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(READS);
        let mut all = LiveFiles::default();
        while let Some(some) = reads.try_next().await? {
            all.add(&some);
            (self.progress)(Step::Reading, all.manifests, Some(manifests.len()));
        }
        Ok(all)
    }
}

fn held(base: &Base) -> Result<Vec<HeldPosition>, QueueError> {
    let known = position::all(base.metadata.properties())?;
    let held = |known: Known| HeldPosition {
        history: history::of(&base.metadata, &known),
        log: known.log,
        topic: known.topic,
        partition: known.partition,
        next: known.at.next,
        commit: known.at.commit.to_string(),
        totals: known.totals,
    };
    Ok(known.into_iter().map(held).collect())
}

async fn count(storage: &Storage, manifest: &ManifestFile) -> Result<LiveFiles, QueueError> {
    let mut files = LiveFiles { manifests: 1, ..LiveFiles::default() };
    for entry in live(storage, &manifest.manifest_path).await? {
        if manifest.content == ManifestContentType::Deletes {
            files.deletes += 1;
        } else {
            files.add(&LiveFiles::of(entry.data_file()));
        }
    }
    Ok(files)
}

impl LiveFiles {
    fn of(file: &DataFile) -> Self {
        let bytes = file.file_size_in_bytes();
        let small = u64::from(bytes < SMALL);
        Self { data: 1, rows: file.record_count(), bytes, small, ..Self::default() }
    }

    fn add(&mut self, more: &Self) {
        self.manifests += more.manifests;
        self.data += more.data;
        self.rows = self.rows.saturating_add(more.rows);
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.small += more.small;
        self.deletes += more.deletes;
    }
}
