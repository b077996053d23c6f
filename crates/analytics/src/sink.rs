//! `Sink` on the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use logmill_queue::{
    BoxFuture, Class, Committed, Lease, Note, Offset, Opening, Outcome, Partition, Queue, QueueError, Sink,
    SinkError, Staged, Start, Topic, Totals,
};
use logmill_rollup::{Families, Micros, Summarizer};

use crate::analytics::Figures;
use crate::core::Core;
use crate::ends::{Bounds, Ends};
use crate::store::{Lane, Range, Source, State, Store, StoreError, Verdict};
use crate::writer::{AnalyticsWriter, Summarized};

/// Counts batches into the store.
pub(crate) struct AnalyticsSink {
    core: Arc<Core>,
    queue: Arc<dyn Queue>,
    /// Loaded with the first partition, so that who counts nothing does not pay for them.
    families: OnceLock<Arc<Families>>,
    /// Memory of all writers in bytes.
    memory: Arc<AtomicUsize>,
    known: Mutex<Known>,
    ends: Mutex<Ends>,
    /// Partitions that are counted; their lanes are in the store.
    opened: Mutex<BTreeSet<Partition>>,
    /// Those of them whose lanes were lost with the store.
    lost: Mutex<BTreeSet<Partition>>,
}

/// What the store held when it was last looked at.
#[derive(Default)]
struct Known {
    lanes: BTreeMap<Partition, Lane>,
    state: State,
}

impl Known {
    fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { lanes: store.lanes()?, state: store.state()? })
    }
}

/// A staged range that its commit takes to another thread.
struct Part {
    partition: Partition,
    from: Offset,
    to: Offset,
    summarized: Arc<Summarized>,
}

impl AnalyticsSink {
    pub(crate) fn new(core: Arc<Core>, queue: Arc<dyn Queue>) -> Self {
        Self {
            core,
            queue,
            families: OnceLock::new(),
            memory: Arc::default(),
            known: Mutex::default(),
            ends: Mutex::default(),
            opened: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    fn allowed_lateness(&self) -> Micros {
        self.core.config.allowed_lateness.as_micros().try_into().unwrap_or(Micros::MAX)
    }

    async fn open_lane(&self, lease: Lease, committed: Option<&Committed>) -> Result<Opening, SinkError> {
        lock(&self.opened).remove(&lease.partition);
        // Before the first lane is written, so that nobody takes it for all of them.
        let partitions = self.queue.partitions(&lease.topic).await.map_err(SinkError::Unavailable)?;
        self.core.expect(partitions);
        let known = self.core.on_thread(Known::read).await?;
        let lane = known.lanes.get(&lease.partition).copied();
        self.publish(known);
        let lane = match lane {
            Some(lane) if lane.log != lease.log => return Err(other_log(&lease, &lane)),
            Some(lane) => lane,
            None => self.begin(&lease, committed).await?,
        };
        lock(&self.opened).insert(lease.partition);
        let families = self.families.get_or_init(|| Arc::new(Families::load())).clone();
        let summarizer = Summarizer::new(families, self.allowed_lateness(), lane.highest);
        let writer = AnalyticsWriter::new(summarizer, self.memory.clone());
        Ok(Opening::new(Box::new(writer), Start::At(lane.log, lane.next)))
    }

    /// Begins a partition at its oldest frame. Until it has read what is there now, its counts are those of a part. If the group has
    /// read beyond the oldest frame, the store was lost or set aside.
    async fn begin(&self, lease: &Lease, committed: Option<&Committed>) -> Result<Lane, SinkError> {
        let bounds = self.queue.bounds(&lease.topic, lease.partition).await;
        let (oldest, end) = bounds.map_err(SinkError::Unavailable)?;
        let mut lane = Lane::new(lease.log, oldest);
        lane.anew_until = end;
        if committed.is_some_and(|committed| committed.offset > oldest) {
            tracing::warn!(
                partition = lease.partition.0,
                from = oldest,
                to = end,
                "the counts of this range are made anew from the queue"
            );
        }
        // Before the group has a position, so that a position without a row is one whose counts are lost.
        let row = BTreeMap::from([(lease.partition, lane)]);
        self.core.on_thread(move |store| store.set_lanes(&row)).await?;
        Ok(lane)
    }

    async fn bounds(&self, topic: &Topic) -> Result<Bounds, SinkError> {
        let mut bounds = Vec::new();
        for partition in self.queue.partitions(topic).await.map_err(SinkError::Unavailable)? {
            let known = self.queue.bounds(topic, partition).await.map_err(SinkError::Unavailable)?;
            bounds.push((partition, known));
        }
        Ok(bounds)
    }

    /// The partitions that are read to the end, though their positions are not there: none where positions reach the end.
    fn still(&self, bounds: &Bounds) -> BTreeSet<Partition> {
        if !self.queue.limits().relays_anywhere {
            return BTreeSet::new();
        }
        let known = lock(&self.known);
        lock(&self.ends).look(self.core.world.clock().monotonic(), bounds, &known.lanes)
    }

    async fn look(&self) -> Result<(), SinkError> {
        let opened = lock(&self.opened).clone();
        let known = self.core.on_thread(Known::read).await?;
        *lock(&self.lost) =
            opened.into_iter().filter(|partition| !known.lanes.contains_key(partition)).collect();
        self.publish(known);
        if self.queue.limits().relays_anywhere {
            let bounds = self.bounds(&self.core.config.topic).await?;
            self.core.stand_still(self.still(&bounds));
        }
        Ok(())
    }

    async fn source(&self, staged: &Staged) -> Result<Source, SinkError> {
        let bounds = self.bounds(&staged.lease.topic).await?;
        let still = self.still(&bounds);
        Ok(Source { log: staged.lease.log, allowed_lateness: self.allowed_lateness(), bounds, still })
    }

    async fn commit_ranges(&self, staged: &[Staged]) -> Result<Vec<Outcome>, SinkError> {
        let held: Vec<_> = staged.iter().filter(|staged| staged.lease.is_held()).collect();
        let Some(first) = held.first() else { return Ok(staged.iter().map(Staged::fenced).collect()) };
        let source = self.source(first).await?;
        let parts: Vec<Part> = held.iter().filter_map(|staged| part(staged)).collect();
        let (verdicts, known) = self
            .core
            .on_thread(move |store| {
                let ranges: Vec<_> = parts.iter().map(Part::range).collect();
                let verdicts = store.commit(&source, &ranges)?;
                Ok((verdicts, Known::read(store)?))
            })
            .await?;
        self.publish(known);
        let mut verdicts = verdicts.into_iter();
        let held: Vec<_> = held.iter().map(|staged| staged.lease.partition).collect();
        let outcome = |staged: &Staged| {
            let verdict = held.contains(&staged.lease.partition).then(|| verdicts.next()).flatten();
            match verdict {
                Some(Verdict::Counted) => staged.done(Note::default()),
                Some(Verdict::Elsewhere(at)) => Outcome::Moved { partition: staged.lease.partition, at },
                None => staged.fenced(),
            }
        };
        Ok(staged.iter().map(outcome).collect())
    }

    fn publish(&self, known: Known) {
        *lock(&self.known) = known;
    }

    pub(crate) fn figures(&self) -> Figures {
        let known = lock(&self.known);
        Figures { late_records: known.state.late_records, commits: known.state.commit }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn part(staged: &Staged) -> Option<Part> {
    let summarized = staged.content.downcast_ref::<Arc<Summarized>>()?.clone();
    Some(Part { partition: staged.lease.partition, from: staged.from, to: staged.to, summarized })
}

impl Part {
    fn range(&self) -> Range<'_> {
        Range {
            partition: self.partition,
            from: self.from,
            to: self.to,
            delta: &self.summarized.delta,
            highest: self.summarized.highest,
            totals: &self.summarized.totals,
        }
    }
}

fn other_log(lease: &Lease, lane: &Lane) -> SinkError {
    let reason = format!(
        "the counts were made from log {}, this is log {}. It was emptied, replaced or restored from a copy; \
         `logmill queue adopt --from oldest|end` decides where to go on",
        lane.log, lease.log
    );
    SinkError::Stop(QueueError::new(Class::Invalid, reason))
}

impl Sink for AnalyticsSink {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(self.open_lane(lease, committed))
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(self.commit_ranges(staged))
    }

    /// Each commit is final.
    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        Box::pin(async move {
            self.look().await?;
            Ok(Vec::new())
        })
    }

    fn moved(&self) -> Vec<(Partition, Offset)> {
        lock(&self.lost).iter().map(|partition| (*partition, 0)).collect()
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        let known = lock(&self.known);
        known.lanes.iter().map(|(partition, lane)| (*partition, lane.totals)).collect()
    }
}
