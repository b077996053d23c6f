//! Compaction: the small files of a day become large ones, with the same rows.
//!
//! The files are written once, on whatever table there is; only what names them is made anew for each attempt to commit. An attempt
//! looks whether each source is still there and no row of the day was deleted meanwhile, otherwise the files are given up.

mod choice;
mod input;
mod inventory;
mod merge;
mod replace;
mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use iceberg::spec::{DataFile, Datum, ManifestFile};
use logmill_queue::QueueError;
use uuid::Uuid;

use super::{ATTEMPTS, Maintenance};
use crate::catalog::{Answer, Base};
use crate::commit::Workshop;
use crate::files::Moment;
use crate::storage::Storage;
pub use choice::Effort;
pub(in crate::maintenance) use choice::SMALL;
use choice::due;
pub(super) use inventory::Inventory;
use inventory::Small;

/// What a compaction did.
#[derive(Debug, Default)]
pub struct Compacted {
    /// Changes that are in the table.
    pub commits: u64,
    /// Merges that were given up, because the files or rows of their day changed meanwhile.
    pub given_up: u64,
    /// Days (`2026-11-22`) that could not be merged, and why. They are as they were.
    pub failures: Vec<(String, QueueError)>,
    /// Small files that are no longer in the table.
    pub files_before: u64,
    /// Files that have their rows.
    pub files_after: u64,
    /// Bytes of the former.
    pub bytes_before: u64,
    /// Bytes of the latter.
    pub bytes_after: u64,
}

/// Small files of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmallFiles {
    /// Files that a compaction would replace.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Their days.
    pub days: usize,
}

/// Files of a day that were written for others.
struct Rewritten {
    commit: Uuid,
    day: i32,
    sources: BTreeSet<String>,
    files: Vec<DataFile>,
    begun: Moment,
}

/// What became of an attempt.
enum Attempt {
    Done,
    /// The sources are not what they were.
    GivenUp(&'static str),
    Again,
}

impl Maintenance {
    /// Replaces small files by large ones, day by day, until nothing is left that pays. Days that fail are left out.
    ///
    /// # Errors
    /// The catalog or the storage cannot be read. Whatever happens, the table has the same rows; files that were written for nothing
    /// are left to the clean-up of orphans.
    pub async fn compact(&self, effort: Effort) -> Result<Compacted, QueueError> {
        let (mut sum, mut failed) = (Compacted::default(), BTreeSet::new());
        let mut inventory = self.inventory.lock().await;
        loop {
            let Some(base) = self.load().await? else { return Ok(sum) };
            let storage = self.storage(&base)?;
            live(&mut inventory, &storage, &base).await?;
            let Some(sources) = chosen(&inventory, effort, &failed) else { return Ok(sum) };
            let Some(day) = sources.first().map(|source| source.day) else { return Ok(sum) };
            match self.replace(&storage, &base, &mut inventory, (day, &sources)).await {
                Ok(Some(files)) => sum.add(&sources, &files),
                Ok(None) => sum.given_up += 1,
                Err(error) => {
                    failed.insert(day);
                    sum.failures.push((Datum::date(day).to_string(), error));
                }
            }
        }
    }

    /// What a thorough compaction would begin with.
    ///
    /// # Errors
    /// The catalog or the storage cannot be read.
    pub async fn small_files(&self) -> Result<SmallFiles, QueueError> {
        let mut sum = SmallFiles::default();
        let Some(base) = self.load().await? else { return Ok(sum) };
        let mut inventory = self.inventory.lock().await;
        live(&mut inventory, &self.storage(&base)?, &base).await?;
        for files in inventory.days().into_values().filter(|files| files.len() > 1) {
            sum.days += 1;
            sum.files += files.len();
            sum.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        }
        Ok(sum)
    }

    /// Writes the rows of files of one day anew and commits; none if it was given up.
    async fn replace(
        &self,
        storage: &Storage,
        base: &Base,
        inventory: &mut Inventory,
        (day, sources): (i32, &[Small]),
    ) -> Result<Option<Vec<DataFile>>, QueueError> {
        let begun = Moment::now(&self.world);
        let commit = uuid::Builder::from_random_bytes(self.world.random_id()).into_uuid();
        let job = rewrite::Job { storage, base, commit, day, sources, progress: &self.progress };
        let files = rewrite::rewrite(&job).await?;
        let names = sources.iter().map(|source| source.location.clone()).collect();
        let rewritten = Rewritten { commit, day, sources: names, files, begun };
        for _ in 0..ATTEMPTS {
            // Others have had the time of the merge to commit.
            let Some(base) = self.load().await? else { return Ok(None) };
            match self.attempt(storage, &base, inventory, &rewritten).await? {
                Attempt::Done => return Ok(Some(rewritten.files)),
                Attempt::GivenUp(reason) => {
                    tracing::info!(table = %self.table, reason, "a compaction is given up");
                    return Ok(None);
                }
                Attempt::Again => self.pause().await,
            }
        }
        Err(self.crowded())
    }

    async fn attempt(
        &self,
        storage: &Storage,
        base: &Base,
        inventory: &mut Inventory,
        rewritten: &Rewritten,
    ) -> Result<Attempt, QueueError> {
        let manifests = live(inventory, storage, base).await?;
        let (naming, found) = inventory.naming(&rewritten.sources);
        if rewritten.is_in(&manifests) {
            return Ok(Attempt::Done);
        }
        if found != rewritten.sources.len() {
            return Ok(Attempt::GivenUp("its files are no longer in the table"));
        }
        if inventory.has_deletes(rewritten.day) {
            return Ok(Attempt::GivenUp("rows of the day were deleted meanwhile"));
        }
        if rewritten.begun.age(&self.world) > self.limits.commit_within {
            return Ok(Attempt::GivenUp("its files are so old that the clean-up of orphans may take them"));
        }
        let workshop = Workshop { world: &self.world, storage, base, commit: rewritten.commit };
        let change =
            replace::change(&workshop, manifests, &naming, &rewritten.sources, &rewritten.files).await?;
        Ok(match self.catalog.commit(&self.table, base, change).await {
            Answer::Committed => Attempt::Done,
            Answer::Conflict(_) => Attempt::Again,
            Answer::Unknown(error) => {
                tracing::warn!(table = %self.table, %error, "the outcome of a commit to the lake is unknown: the table is asked");
                Attempt::Again
            }
            Answer::Refused(error) => return Err(error),
        })
    }
}

/// Files of the first day for which it pays, without days that have failed.
fn chosen(inventory: &Inventory, effort: Effort, failed: &BTreeSet<i32>) -> Option<Vec<Small>> {
    let mut days = inventory.days().into_iter().filter(|(day, _)| !failed.contains(day));
    let files = days.find_map(|(_, files)| due(files, effort))?;
    Some(files.into_iter().cloned().collect())
}

/// The manifests of the table as it is now, after a look into those that are new.
async fn live(
    inventory: &mut Inventory,
    storage: &Storage,
    base: &Base,
) -> Result<Vec<ManifestFile>, QueueError> {
    let manifests = crate::commit::live(storage, &base.metadata).await?;
    inventory.refresh(storage, base, &manifests).await?;
    Ok(manifests)
}

impl Rewritten {
    /// Whether the table has a snapshot of ours, after an answer that was lost.
    fn is_in(&self, manifests: &[ManifestFile]) -> bool {
        let ours = format!("/{}-", self.commit);
        manifests.iter().any(|manifest| manifest.manifest_path.contains(&ours))
    }
}

impl Compacted {
    fn add(&mut self, before: &[Small], after: &[DataFile]) {
        self.commits += 1;
        self.files_before += before.len() as u64;
        self.files_after += after.len() as u64;
        self.bytes_before += before.iter().map(|file| file.bytes).sum::<u64>();
        self.bytes_after += after.iter().map(DataFile::file_size_in_bytes).sum::<u64>();
    }
}
