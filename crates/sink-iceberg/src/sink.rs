//! `Sink` on an Iceberg table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logmill_queue::{
    BoxFuture, Class, Committed, Lease, Note, Offset, Opening, Outcome, Partition, QueueError, Sink,
    SinkError, Staged, Start, Totals,
};
use logmill_world::World;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::LakeConfig;
use crate::catalog::{Base, Catalog};
use crate::commit::{Committer, Range, Verdict, classed, current, gone, lost_entry, same};
use crate::files::FileWriter;
use crate::metrics::LakeMetrics;
use crate::position;
use crate::storage::Storage;
use crate::table;
use crate::writer::{Budget, RowWriter, StagedRows};

/// What the note of the group begins with; then the table's uuid.
const NOTE: &str = "t1 ";

/// Logs as rows of one Iceberg table, each once. README.md has the steps.
pub struct IcebergSink {
    config: LakeConfig,
    world: World,
    catalog: Arc<dyn Catalog>,
    metrics: LakeMetrics,
    budget: Arc<Budget>,
    /// The table that positions are taken from, from the first partition on.
    opened: OnceCell<Opened>,
    /// One commit at a time; what it wrote serves its repetition.
    files: tokio::sync::Mutex<FileWriter>,
    lanes: Mutex<BTreeMap<Partition, Lane>>,
}

struct Opened {
    uuid: Uuid,
    storage: Storage,
}

/// What is known of a partition under one lease.
struct Lane {
    lease: Lease,
    totals: Totals,
    /// The table has no position of it, and it began at the oldest frame.
    is_first: bool,
}

impl IcebergSink {
    /// A sink that has not touched the catalog yet.
    #[must_use]
    pub fn new(world: &World, catalog: Arc<dyn Catalog>, config: LakeConfig, metrics: LakeMetrics) -> Self {
        let budget = Budget::new(config.memory_bytes, config.flush_size, metrics.buffered.clone());
        let files = FileWriter::new(world, &metrics, config.rewrite_after);
        Self {
            config,
            world: world.clone(),
            catalog,
            metrics,
            budget,
            opened: OnceCell::new(),
            files: tokio::sync::Mutex::new(files),
            lanes: Mutex::default(),
        }
    }

    /// Whether upkeep of the table is for this process: it has the first partition, which one process at a time has.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.lanes().get(&Partition(0)).is_some_and(|lane| lane.lease.is_held())
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Partition, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table as it is now; none if there never was one.
    async fn table(&self, noted: Option<Uuid>) -> Result<Option<Base>, SinkError> {
        let name = &self.config.table;
        match self.catalog.load(name).await.map_err(classed)? {
            None if noted.is_some() || self.opened.initialized() => Err(gone(name)),
            found => Ok(found),
        }
    }

    /// The table for the first rows: who never sends any has none. It is made if nobody else has.
    async fn made(&self) -> Result<&Opened, SinkError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let name = &self.config.table;
        if self.table(None).await?.is_none() {
            self.catalog.create(name, table::creation().map_err(classed)?).await.map_err(classed)?;
        }
        let base = self.table(None).await?.ok_or_else(|| {
            let reason = format!("the catalog does not show the table {name}, which it has just made");
            SinkError::Unavailable(QueueError::new(Class::Unavailable, reason))
        })?;
        self.opened(&base).await
    }

    async fn opened(&self, base: &Base) -> Result<&Opened, SinkError> {
        let open = || async {
            let storage = Storage::of(&self.world, base.metadata.location(), &self.config.store);
            Ok::<_, QueueError>(Opened { uuid: base.metadata.uuid(), storage: storage? })
        };
        self.opened.get_or_try_init(open).await.map_err(classed)
    }

    async fn open_partition(
        &self,
        lease: Lease,
        committed: Option<&Committed>,
    ) -> Result<Opening, SinkError> {
        let noted = noted(committed).map_err(SinkError::Stop)?;
        let Some(base) = self.table(noted).await? else {
            return Ok(self.lane(lease, None, Totals::default()));
        };
        let opened = self.opened(&base).await?;
        same(&self.config.table, &base, noted.unwrap_or(opened.uuid))?;
        same(&self.config.table, &base, opened.uuid)?;
        table::check(&self.config.table, &base.metadata).map_err(SinkError::Stop)?;
        if let Some(snapshot) = current(&base.metadata) {
            self.metrics.seen(snapshot.timestamp_ms().saturating_mul(1000));
        }
        let properties = base.metadata.properties();
        let at = position::position(properties, &lease).map_err(SinkError::Stop)?;
        if at.is_none() && noted.is_some() {
            return Err(SinkError::Stop(lost_entry(&lease)));
        }
        let totals = position::totals(properties, &lease).map_err(SinkError::Stop)?;
        Ok(self.lane(lease, at.map(|at| at.next), totals))
    }

    /// A writer for a partition of which the table holds what lies before `at`.
    fn lane(&self, lease: Lease, at: Option<Offset>, totals: Totals) -> Opening {
        let start = Start::after(lease.log, at);
        self.lanes().insert(lease.partition, Lane { lease, totals, is_first: at.is_none() });
        Opening::new(Box::new(RowWriter::new(self.config.window, &self.budget)), start)
    }

    async fn commit_ranges(&self, staged: &[Staged]) -> Result<Vec<Outcome>, SinkError> {
        let opened = self.made().await?;
        let ranges: Vec<Range<'_>> = staged.iter().map(|staged| self.range(staged)).collect();
        let committer = Committer {
            world: &self.world,
            catalog: &*self.catalog,
            storage: &opened.storage,
            table: &self.config.table,
            uuid: opened.uuid,
            metrics: &self.metrics,
        };
        let mut files = self.files.lock().await;
        let verdicts = committer.commit(&ranges, &files.of(&opened.storage, staged)).await?;
        files.forget();
        let mut outcomes = Vec::with_capacity(staged.len());
        for (staged, verdict) in staged.iter().zip(verdicts) {
            outcomes.push(self.outcome(staged, verdict, opened.uuid)?);
        }
        Ok(outcomes)
    }

    fn range<'a>(&self, staged: &'a Staged) -> Range<'a> {
        let totals = staged.content.downcast_ref::<StagedRows>().map(|rows| rows.totals);
        let lanes = self.lanes();
        let lane = lanes.get(&staged.lease.partition).filter(|lane| lane.lease.epoch == staged.lease.epoch);
        Range {
            lease: &staged.lease,
            from: staged.from,
            to: staged.to,
            totals: totals.unwrap_or_default(),
            is_first: lane.is_some_and(|lane| lane.is_first),
        }
    }

    fn outcome(&self, staged: &Staged, verdict: Verdict, uuid: Uuid) -> Result<Outcome, SinkError> {
        Ok(match verdict {
            Verdict::Done => {
                self.count(staged);
                let note = Note::new(format!("{NOTE}{uuid}")).unwrap_or_default();
                staged.done(note)
            }
            Verdict::Moved(at) => Outcome::Moved { partition: staged.lease.partition, at },
            Verdict::Fenced => staged.fenced(),
            Verdict::Left => {
                let reason = "a range of the lake is left over after its commit";
                return Err(SinkError::Unavailable(QueueError::new(Class::Bug, reason)));
            }
        })
    }

    fn count(&self, staged: &Staged) {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(&staged.lease.partition) else { return };
        if lane.lease.epoch == staged.lease.epoch {
            lane.is_first = false;
            if let Some(rows) = staged.content.downcast_ref::<StagedRows>() {
                lane.totals.add(&rows.totals);
            }
        }
    }
}

/// The table that the group's note names.
fn noted(committed: Option<&Committed>) -> Result<Option<Uuid>, QueueError> {
    let text = committed.map_or("", |committed| committed.note.as_str());
    if text.is_empty() {
        return Ok(None);
    }
    let uuid = text.strip_prefix(NOTE).and_then(|uuid| Uuid::parse_str(uuid).ok());
    uuid.map(Some).ok_or_else(|| {
        let text: String = text.chars().take(200).collect();
        let reason = format!("the group keeps a note that this sink did not write ({text:?}): a newer logmill may have written it");
        QueueError::new(Class::Invalid, reason)
    })
}

impl Sink for IcebergSink {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(self.open_partition(lease, committed))
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(self.commit_ranges(staged))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        // Each commit is final already.
        Box::pin(async { Ok(Vec::new()) })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        // A partition that was lost is somebody else's to account for.
        let lanes = self.lanes();
        let ours = lanes.iter().filter(|(_, lane)| lane.lease.is_held());
        ours.map(|(partition, lane)| (*partition, lane.totals)).collect()
    }
}
