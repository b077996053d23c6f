//! What keeps a table of many commits as fast as one of few: old snapshots go, small manifests and small files become few.
//!
//! All are commits on the base that they were planned on, so that nothing that came meanwhile is lost; positions are properties and
//! stay as they are. Whoever runs it sees to it that only one process does, which saves work and is not needed for the result.

mod compact;
mod entries;
mod expire;
mod manifests;
mod orphans;
mod progress;
mod status;

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{Class, QueueError};
use logmill_store::StoreConfig;
use logmill_world::World;

use crate::catalog::{Answer, Base, Catalog, Change, TableName};
use crate::storage::Storage;
use crate::table;
use compact::Inventory;

pub use compact::{Compacted, Effort, SmallFiles};
pub use orphans::Orphans;
pub use progress::{Progress, Step};
pub use status::{HeldPosition, History, LiveFiles, Status};

/// Times that a plan may meet other commits before the round is given up; the next round comes.
const ATTEMPTS: u32 = 10;
/// The longest pause between two of them, in microseconds.
const PAUSE: u64 = 500_000;

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Snapshots that are younger stay.
    pub keep_for: Duration,
    /// So many of `main` stay, whatever their age.
    pub keep_at_least: usize,
    /// More of `main` do not stay, whatever their age: each commit writes the list of all snapshots.
    pub keep_at_most: usize,
    /// Small manifests are merged if there are more than so many.
    pub manifests: usize,
    /// A merge of files that takes longer is given up: the clean-up of orphans may take what is not committed.
    pub commit_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_for: Duration::from_hours(72),
            keep_at_least: 100,
            keep_at_most: 1000,
            manifests: 100,
            commit_within: Duration::from_hours(24),
        }
    }
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Snapshots that were removed.
    pub snapshots: usize,
    /// Manifests and lists that no snapshot names any more, removed.
    pub files: usize,
    /// Small manifests that were merged.
    pub merged: usize,
}

/// Keeps one table in order.
pub struct Maintenance {
    world: World,
    catalog: Arc<dyn Catalog>,
    table: TableName,
    store: StoreConfig,
    limits: Limits,
    inventory: tokio::sync::Mutex<Inventory>,
    progress: Progress,
}

/// A change and what may go once it is in the table.
struct Plan {
    change: Change,
    /// Whether a table has the change already.
    is_done: Box<dyn Fn(&Base) -> bool + Send + Sync>,
    frees: Vec<String>,
}

impl Maintenance {
    /// For one table. Nothing is touched yet.
    #[must_use]
    pub fn new(
        world: &World,
        catalog: Arc<dyn Catalog>,
        table: TableName,
        store: StoreConfig,
        limits: Limits,
    ) -> Self {
        let (inventory, progress): (_, Progress) = (tokio::sync::Mutex::default(), Arc::new(|_, _, _| ()));
        Self { world: world.clone(), catalog, table, store, limits, inventory, progress }
    }

    /// Tells how far a job is.
    #[must_use]
    pub fn telling(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    /// Removes old snapshots and merges small manifests, if there are any. Without a table there is nothing to do.
    ///
    /// # Errors
    /// The catalog or the storage fails, or the table is not one of ours; the next round goes on.
    pub async fn round(&self) -> Result<Round, QueueError> {
        let mut round = self.expire().await?;
        if let Some((_, merged)) = self.carry_out(Job::Merge).await? {
            round.merged = merged;
        }
        Ok(round)
    }

    /// Plans a job on the table as it is and commits it; on a conflict again from the beginning.
    async fn carry_out(&self, job: Job) -> Result<Option<(Plan, usize)>, QueueError> {
        for _ in 0..ATTEMPTS {
            let Some(base) = self.load().await? else { return Ok(None) };
            let storage = self.storage(&base)?;
            let planned = match job {
                Job::Expire => expire::plan(&self.world, &storage, &base, self.limits).await?,
                Job::Merge => manifests::plan(&self.world, &storage, &base, self.limits).await?,
            };
            let Some((plan, count)) = planned else { return Ok(None) };
            match self.catalog.commit(&self.table, &base, plan.change.clone()).await {
                Answer::Committed => return Ok(Some((plan, count))),
                Answer::Conflict(_) => {}
                Answer::Unknown(error) => {
                    tracing::warn!(table = %self.table, %error, "the outcome of a commit to the lake is unknown: the table is asked");
                    if self.load().await?.is_some_and(|now| (plan.is_done)(&now)) {
                        return Ok(Some((plan, count)));
                    }
                }
                Answer::Refused(error) => return Err(error),
            }
            self.pause().await;
        }
        Err(self.crowded())
    }

    async fn pause(&self) {
        self.world.clock().sleep(Duration::from_micros(self.world.random_below(PAUSE))).await;
    }

    fn crowded(&self) -> QueueError {
        let reason = format!("{ATTEMPTS} changes of {} in a row met other commits", self.table);
        QueueError::new(Class::Unavailable, reason)
    }

    async fn load(&self) -> Result<Option<Base>, QueueError> {
        let Some(base) = self.catalog.load(&self.table).await? else { return Ok(None) };
        table::check(&self.table, &base.metadata)?;
        Ok(Some(base))
    }

    fn storage(&self, base: &Base) -> Result<Storage, QueueError> {
        Storage::of(&self.world, base.metadata.location(), &self.store)
    }

    /// Removes files that no snapshot names any more. What stays is only space, and the clean-up of orphans takes it.
    async fn free(&self, locations: &[String]) -> usize {
        let Ok(Some(base)) = self.load().await else { return 0 };
        let Ok(storage) = self.storage(&base) else { return 0 };
        let mut freed = 0;
        for location in expire::below(&base, locations) {
            (self.progress)(Step::Removing, freed, Some(locations.len()));
            match storage.delete(location).await {
                Ok(()) => freed += 1,
                Err(error) => tracing::warn!(%error, "a file of the lake that nobody names any more stays"),
            }
        }
        freed
    }
}

#[derive(Clone, Copy)]
enum Job {
    Expire,
    Merge,
}
