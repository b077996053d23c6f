//! The commit, step by step (README.md): load, ask the positions, write what is left, change the table, and after every answer but
//! success ask again.

mod snapshot;
mod summary;

use std::time::Duration;

use iceberg::spec::DataFile;
use logmill_queue::{BoxFuture, Class, Lease, Offset, QueueError, SinkError, Totals};
use logmill_world::World;
use uuid::Uuid;

use crate::catalog::{Answer, Base, Catalog, TableName};
use crate::metrics::LakeMetrics;
use crate::position::{self, TablePosition};
use crate::storage::Storage;
use crate::table;

pub(crate) use snapshot::{Draft, Entry, Workshop, current, live, manifests, unchanged};
pub(crate) use summary::of as summary_of;

/// Attempts that may end in a conflict before the runner is told.
const CONFLICTS: u32 = 20;
/// Attempts that may fail otherwise.
const FAILURES: u32 = 3;
/// The longest pause before the second attempt, in microseconds; it doubles.
const FIRST_PAUSE: u64 = 50_000;
/// How often it doubles.
const DOUBLINGS: u32 = 4;

/// A range of a partition that is to come into the table.
pub(crate) struct Range<'a> {
    pub lease: &'a Lease,
    pub from: Offset,
    pub to: Offset,
    pub totals: Totals,
    /// The reader was told to begin at the oldest frame, because the table had no position.
    pub is_first: bool,
}

/// What the table says of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not in the table.
    Left,
    /// The table holds it.
    Done,
    /// The table stands elsewhere.
    Moved(Offset),
    /// Its lease was lost.
    Fenced,
}

/// Files of the ranges that are left, under the id of their commit.
pub(crate) struct Prepared {
    pub commit: Uuid,
    pub files: Vec<DataFile>,
}

/// Who writes the files of ranges.
pub(crate) trait Files: Send + Sync {
    /// The files of these ranges, by their index; the same ones again for the same ranges.
    fn prepare<'a>(
        &'a self,
        base: &'a Base,
        left: &'a [usize],
    ) -> BoxFuture<'a, Result<Prepared, QueueError>>;
}

/// Commits ranges to one table.
pub(crate) struct Committer<'a> {
    pub world: &'a World,
    pub catalog: &'a dyn Catalog,
    pub storage: &'a Storage,
    pub table: &'a TableName,
    /// The table that was opened.
    pub uuid: Uuid,
    pub metrics: &'a LakeMetrics,
}

impl Committer<'_> {
    /// Brings the ranges that are left into the table, in one snapshot; one verdict a range, in order, none of them `Left`.
    ///
    /// # Errors
    /// `Unavailable`: not known, the same call again finds out. `Stop`: the table is not the one, or cannot be written.
    pub(crate) async fn commit(
        &self,
        ranges: &[Range<'_>],
        files: &dyn Files,
    ) -> Result<Vec<Verdict>, SinkError> {
        let (mut conflicts, mut failures) = (0, 0);
        loop {
            let base = self.load().await?;
            let mut verdicts = judge(&base, ranges).map_err(classed)?;
            let left = indexes(&verdicts);
            if left.is_empty() {
                return Ok(verdicts);
            }
            let prepared = files.prepare(&base, &left).await.map_err(classed)?;
            match self.attempt(&base, ranges, &left, &prepared).await? {
                Answer::Committed => {
                    verdicts.iter_mut().filter(|v| **v == Verdict::Left).for_each(|v| *v = Verdict::Done);
                    self.metrics.committed(&prepared.files, self.world.clock().wall());
                    return Ok(verdicts);
                }
                Answer::Conflict(reason) => {
                    self.metrics.commits("conflict");
                    conflicts += 1;
                    tracing::debug!(table = %self.table, reason, "a commit to the lake meets another one");
                    if conflicts >= CONFLICTS {
                        return Err(crowded(self.table, &reason));
                    }
                }
                Answer::Unknown(error) => {
                    self.metrics.commits("unknown");
                    failures += 1;
                    tracing::warn!(table = %self.table, %error, "the outcome of a commit to the lake is unknown: the table is asked");
                    if failures >= FAILURES {
                        return Err(classed(error));
                    }
                }
                Answer::Refused(error) => {
                    self.metrics.commits("refused");
                    failures += 1;
                    if failures >= FAILURES {
                        return Err(classed(error));
                    }
                }
            }
            self.pause(conflicts + failures).await;
        }
    }

    /// One attempt: a new snapshot on this base.
    async fn attempt(
        &self,
        base: &Base,
        ranges: &[Range<'_>],
        left: &[usize],
        prepared: &Prepared,
    ) -> Result<Answer, SinkError> {
        let workshop = Workshop { world: self.world, storage: self.storage, base, commit: prepared.commit };
        let mut entries = Vec::new();
        for range in left.iter().filter_map(|at| ranges.get(*at)) {
            let mut totals = position::totals(base.metadata.properties(), range.lease).map_err(classed)?;
            totals.add(&range.totals);
            let at = TablePosition { next: range.to, commit: prepared.commit };
            entries.extend(position::entries(range.lease, at, &totals));
        }
        entries.extend(position::first(base.metadata.properties(), self.world.clock().wall()));
        let change = workshop.append(&prepared.files, entries).await.map_err(classed)?;
        let started = self.world.clock().monotonic();
        let answer = self.catalog.commit(self.table, base, change).await;
        self.metrics.took(self.world.clock().monotonic() - started);
        Ok(answer)
    }

    /// The table as it is now, if it is the one that was opened and we can write it.
    async fn load(&self) -> Result<Base, SinkError> {
        let found = self.catalog.load(self.table).await.map_err(classed)?;
        let base = found.ok_or_else(|| gone(self.table))?;
        same(self.table, &base, self.uuid)?;
        table::check(self.table, &base.metadata).map_err(SinkError::Stop)?;
        Ok(base)
    }

    /// Waits for a part of a time that doubles, so that two who met do not meet again.
    async fn pause(&self, attempts: u32) {
        let longest = FIRST_PAUSE << attempts.saturating_sub(1).min(DOUBLINGS);
        let pause = Duration::from_micros(self.world.random_below(longest));
        self.world.clock().sleep(pause).await;
    }
}

/// What the base's positions say of each range.
fn judge(base: &Base, ranges: &[Range<'_>]) -> Result<Vec<Verdict>, QueueError> {
    ranges.iter().map(|range| verdict(base, range)).collect()
}

fn verdict(base: &Base, range: &Range<'_>) -> Result<Verdict, QueueError> {
    let at = position::position(base.metadata.properties(), range.lease)?;
    Ok(match at {
        Some(at) if at.next >= range.to => Verdict::Done,
        _ if !range.lease.is_held() => Verdict::Fenced,
        Some(at) if at.next == range.from => Verdict::Left,
        Some(at) => Verdict::Moved(at.next),
        None if range.is_first => Verdict::Left,
        None => return Err(lost_entry(range.lease)),
    })
}

fn indexes(verdicts: &[Verdict]) -> Vec<usize> {
    verdicts.iter().enumerate().filter(|(_, v)| **v == Verdict::Left).map(|(at, _)| at).collect()
}

/// What an error means for the runner: what cannot be cured by waiting stops the sink.
pub(crate) fn classed(error: QueueError) -> SinkError {
    if error.class == Class::Invalid { SinkError::Stop(error) } else { SinkError::Unavailable(error) }
}

/// Whether this is the table that was opened.
pub(crate) fn same(table: &TableName, base: &Base, uuid: Uuid) -> Result<(), SinkError> {
    let found = base.metadata.uuid();
    if found == uuid {
        return Ok(());
    }
    stop(format!(
        "the table {table} is {found}, and the log was read into {uuid}: it was made anew, or the settings name another catalog. \
         {ANEW}"
    ))
}

/// How an operator decides that a table begins anew.
const ANEW: &str = "`logmill lake positions` shows what the table holds. To write all that the log still holds into the table that is there, or into a new one, stop logmill and drop the group's \
                    position: `logmill queue groups drop`, on Kafka `kafka-consumer-groups.sh --delete-offsets`";

/// The table is not there although it was written.
pub(crate) fn gone(table: &TableName) -> SinkError {
    let reason = format!("the table {table} is gone, and the log was read into it: restore it, or: {ANEW}");
    SinkError::Stop(QueueError::new(Class::Invalid, reason))
}

/// The table has lost what we knew of a partition.
pub(crate) fn lost_entry(lease: &Lease) -> QueueError {
    let reason = format!(
        "the table has no position of {}/{} of log {} any more, though it was written: somebody removed the property. {ANEW}",
        lease.topic, lease.partition, lease.log
    );
    QueueError::new(Class::Invalid, reason)
}

fn stop<T>(reason: String) -> Result<T, SinkError> {
    Err(SinkError::Stop(QueueError::new(Class::Invalid, reason)))
}

fn crowded(table: &TableName, reason: &str) -> SinkError {
    let reason = format!("{CONFLICTS} commits to {table} in a row met others: {reason}");
    SinkError::Unavailable(QueueError::new(Class::Unavailable, reason))
}
