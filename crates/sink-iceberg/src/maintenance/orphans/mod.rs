//! Files below the table's location that no snapshot reaches: of commits that failed, and of snapshots that are gone.
//!
//! What is listed first and reached by no state of the table that is loaded later, was in none of those states; a commit that is
//! still under way names younger files only (README.md, "Orphans"). Whatever cannot be read ends it with nothing removed.

mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::SnapshotRef;
use logmill_queue::{BoxFuture, Class, QueueError};
use logmill_world::Micros;

use super::entries::live;
use super::expire::named;
use super::progress::Step;
use super::{ATTEMPTS, Maintenance};
use crate::catalog::Base;
use crate::position;
use crate::storage::{Listed, Storage};

/// Manifests that are read at the same time.
const READS: usize = 8;
/// Files that are removed at the same time.
const REMOVALS: usize = 16;
/// States of the table that are looked at, one after the other. The second one costs little, because only what is new in it is
/// read, and it knows of a commit that came while the first one was read.
const LOOKS: usize = 2;

/// Files that no snapshot reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// How many were found.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them could not be removed.
    pub left: usize,
    /// Why the first one of those could not.
    pub reason: Option<String>,
}

/// Old files with our names that nothing was found to reach yet.
#[derive(Default)]
struct Candidates {
    /// By folder and name, which a commit's uuid makes unique. What comes before them has many spellings (`file:/`, `file:///`,
    /// `s3a://`, a bucket's other names), and to take a reached file for an orphan would be worse than the reverse.
    files: HashMap<String, Listed>,
    /// When the youngest file below the location was written, by the storage's clock.
    youngest: Micros,
}

impl Maintenance {
    /// Removes files of ours that no snapshot of the table reaches and that are older than `older_than`; with `is_trial` they are
    /// only counted. Without a table, or before the first commit to it, there are none.
    ///
    /// A file's age is the time from its writing to that of the youngest file below the table's location, both by the storage's
    /// clock; it must be as old by our clock too. So a clock that is wrong on either side keeps too much, and the newest files of
    /// a table that nobody writes stay.
    ///
    /// # Errors
    /// Catalog, storage, or one manifest cannot be read: nothing was removed.
    pub async fn orphans(&self, older_than: Duration, is_trial: bool) -> Result<Orphans, QueueError> {
        let Some(first) = self.load().await? else { return Ok(Orphans::default()) };
        if self.catalog.hides_states().await? {
            let reason = "the catalog is Nessie, whose branches and tags name states of the table that the table does not show: \
                          leave the clean-up to nessie-gc, and set lake.orphans.older_than to 0s";
            return Err(QueueError::new(Class::Invalid, reason));
        }
        let storage = self.storage(&first)?;
        let mut candidates = self.listed(&storage, &first, older_than).await?;
        let mut known = BTreeSet::new();
        for _ in 0..LOOKS {
            self.look(&storage, &first, &mut candidates, &mut known).await?;
        }
        let due = candidates.due(older_than);
        let bytes = due.iter().map(|file| file.size).sum();
        let mut orphans = Orphans { files: due.len(), bytes, ..Orphans::default() };
        if !is_trial {
            self.remove(&storage, &due, &mut orphans).await;
        }
        Ok(orphans)
    }

    /// The files with our names that were written since we know the table and are old by our clock.
    async fn listed(
        &self,
        storage: &Storage,
        base: &Base,
        older_than: Duration,
    ) -> Result<Candidates, QueueError> {
        let mut candidates = Candidates::default();
        let Some(since) = position::since(base.metadata.properties())? else { return Ok(candidates) };
        let latest = before(self.world.clock().wall(), older_than);
        let with_metadata = self.catalog.writes_metadata();
        let location = base.metadata.location().trim_end_matches('/');
        let mut seen = 0;
        let mut visit = |file: Listed| {
            seen += 1;
            (self.progress)(Step::Listing, seen, None);
            candidates.youngest = candidates.youngest.max(file.modified);
            let relative = file.location.strip_prefix(location).and_then(|rest| rest.strip_prefix('/'));
            let is_ours = relative.is_some_and(|relative| names::is_ours(relative, with_metadata));
            if is_ours && (since..=latest).contains(&file.modified) {
                candidates.add(file);
            }
        };
        storage.list(location, &mut visit).await?;
        Ok(candidates)
    }

    /// Takes out what the table reaches as it is now. An expiry beside it removes manifests, so a failure counts only if the table
    /// is still the same.
    async fn look(
        &self,
        storage: &Storage,
        first: &Base,
        candidates: &mut Candidates,
        known: &mut BTreeSet<String>,
    ) -> Result<(), QueueError> {
        let mut base = self.same(first).await?;
        for _ in 1..ATTEMPTS {
            let Err(error) = self.strike(storage, &base, candidates, known).await else { return Ok(()) };
            let now = self.same(first).await?;
            if now.location == base.location {
                return Err(error);
            }
            base = now;
        }
        self.strike(storage, &base, candidates, known).await
    }

    /// The table as it is now, if it is the one whose files were listed.
    async fn same(&self, first: &Base) -> Result<Base, QueueError> {
        let (before, now) = (&first.metadata, self.load().await?);
        let is_same =
            |now: &Base| now.metadata.uuid() == before.uuid() && now.metadata.location() == before.location();
        now.filter(is_same).ok_or_else(|| {
            let reason = format!("the table {} was replaced while its files were listed", self.table);
            QueueError::new(Class::Unavailable, reason)
        })
    }

    async fn strike(
        &self,
        storage: &Storage,
        base: &Base,
        candidates: &mut Candidates,
        known: &mut BTreeSet<String>,
    ) -> Result<(), QueueError> {
        let metadata = &base.metadata;
        candidates.reached(&base.location);
        metadata.metadata_log().iter().for_each(|old| candidates.reached(&old.metadata_file));
        metadata.statistics_iter().for_each(|file| candidates.reached(&file.statistics_path));
        metadata.partition_statistics_iter().for_each(|file| candidates.reached(&file.statistics_path));
        let news = |snapshot: &&SnapshotRef| !known.contains(snapshot.manifest_list());
        let snapshots: Vec<&SnapshotRef> = metadata.snapshots().filter(news).collect();
        let mut manifests = named(storage, metadata, &snapshots).await?;
        manifests.retain(|manifest| !known.contains(manifest));
        self.read(storage, &manifests, candidates).await?;
        known.extend(manifests);
        for snapshot in snapshots {
            candidates.reached(snapshot.manifest_list());
            known.insert(snapshot.manifest_list().to_owned());
        }
        Ok(())
    }

    /// Takes out the manifests and what they say is live. What they say was removed is needed by older snapshots only, whose own
    /// manifests name it.
    async fn read(
        &self,
        storage: &Storage,
        manifests: &BTreeSet<String>,
        candidates: &mut Candidates,
    ) -> Result<(), QueueError> {
        let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(manifests.len());
        for manifest in manifests {
            candidates.reached(manifest);
            reads.push(Box::pin(live(storage, manifest)));
        }
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(READS);
        let mut done = 0;
        while let Some(files) = reads.try_next().await? {
            files.iter().for_each(|file| candidates.reached(file.file_path()));
            done += 1;
            (self.progress)(Step::Reading, done, Some(manifests.len()));
        }
        Ok(())
    }

    async fn remove(&self, storage: &Storage, files: &[Listed], orphans: &mut Orphans) {
        let mut removals: Vec<BoxFuture<'_, _>> = Vec::with_capacity(files.len());
        for file in files {
            removals.push(Box::pin(storage.delete(&file.location)));
        }
        let mut removals = futures_util::stream::iter(removals).buffer_unordered(REMOVALS);
        let mut done = 0;
        while let Some(removed) = removals.next().await {
            if let Err(error) = removed {
                tracing::warn!(%error, "a file of the lake that nobody names any more stays");
                orphans.left += 1;
                orphans.reason.get_or_insert_with(|| error.to_string());
            }
            done += 1;
            (self.progress)(Step::Removing, done, Some(files.len()));
        }
    }
}

impl Candidates {
    fn add(&mut self, file: Listed) {
        self.files.insert(place(&file.location), file);
    }

    fn reached(&mut self, location: &str) {
        self.files.remove(&place(location));
    }

    /// Those that were old when the youngest file was written.
    fn due(self, older_than: Duration) -> Vec<Listed> {
        let latest = before(self.youngest, older_than);
        self.files.into_values().filter(|file| file.modified <= latest).collect()
    }
}

/// The folder and the name of a file, without what leads there.
fn place(location: &str) -> String {
    let mut parts = location.rsplit('/').filter(|part| !part.is_empty());
    let name = parts.next().unwrap_or_default();
    format!("{}/{name}", parts.next().unwrap_or_default())
}

fn before(at: Micros, span: Duration) -> Micros {
    at.saturating_sub(Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX))
}
