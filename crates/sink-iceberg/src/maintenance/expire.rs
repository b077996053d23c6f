//! Which snapshots go, and which manifests go with them.
//!
//! What a branch or tag names stays, with all ancestors of branches other than `main`. Data files stay in any case: a manifest that no
//! snapshot names any more may name files that others still name, and only the clean-up of orphans looks at all of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::{MAIN_BRANCH, Snapshot, SnapshotRef, TableMetadata};
use iceberg::{TableRequirement, TableUpdate};
use logmill_queue::{BoxFuture, Class, QueueError};
use logmill_world::World;
use serde::Deserialize;

use super::{Job, Limits, Maintenance, Plan, Round};
use crate::catalog::{Base, Change};
use crate::commit::{current, manifests, unchanged};
use crate::storage::Storage;

/// Lists that are read at the same time.
const AT_ONCE: usize = 16;

/// A branch or a tag, of which the library shows too little.
#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "snapshot-id")]
    snapshot: i64,
    #[serde(rename = "type")]
    kind: String,
}

impl Maintenance {
    /// Removes old snapshots, and the lists and manifests that only they named.
    ///
    /// # Errors
    /// As `round`.
    pub async fn expire(&self) -> Result<Round, QueueError> {
        let Some((plan, snapshots)) = self.carry_out(Job::Expire).await? else { return Ok(Round::default()) };
        Ok(Round { snapshots, files: self.free(&plan.frees).await, ..Round::default() })
    }

    /// What `expire` would remove now.
    ///
    /// # Errors
    /// As `round`.
    pub async fn expirable(&self) -> Result<Round, QueueError> {
        let Some(base) = self.load().await? else { return Ok(Round::default()) };
        let planned = plan(&self.world, &self.storage(&base)?, &base, self.limits).await?;
        let Some((plan, snapshots)) = planned else { return Ok(Round::default()) };
        Ok(Round { snapshots, files: below(&base, &plan.frees).count(), ..Round::default() })
    }
}

/// Those of the files that lie below the table's location; others belong to somebody else.
pub(super) fn below<'a>(base: &Base, locations: &'a [String]) -> impl Iterator<Item = &'a String> {
    let ours = format!("{}/", base.metadata.location());
    locations.iter().filter(move |location| location.starts_with(&ours))
}

pub(super) async fn plan(
    world: &World,
    storage: &Storage,
    base: &Base,
    limits: Limits,
) -> Result<Option<(Plan, usize)>, QueueError> {
    let metadata = &base.metadata;
    let references = references(metadata)?;
    let oldest = world.clock().wall() / 1000 - i64::try_from(limits.keep_for.as_millis()).unwrap_or(i64::MAX);
    let kept = kept(metadata, &references, oldest, limits);
    let main: BTreeSet<i64> =
        current(metadata).map_or_else(BTreeSet::new, |of| ids(&ancestors(metadata, of.snapshot_id())));
    // What is on no branch may be about to come onto one.
    let is_fresh = |of: &SnapshotRef| of.timestamp_ms() >= oldest && !main.contains(&of.snapshot_id());
    let stays = |of: &SnapshotRef| kept.contains(&of.snapshot_id()) || is_fresh(of);
    let (staying, going): (Vec<&SnapshotRef>, Vec<&SnapshotRef>) =
        metadata.snapshots().partition(|of| stays(of));
    if going.is_empty() {
        return Ok(None);
    }
    let frees = freed(storage, metadata, &staying, &going).await?;
    let ids: Vec<i64> = going.iter().map(|snapshot| snapshot.snapshot_id()).collect();
    let count = ids.len();
    let plan = Plan { change: change(base, &references, &ids), is_done: gone(ids), frees };
    Ok(Some((plan, count)))
}

fn references(metadata: &TableMetadata) -> Result<BTreeMap<String, Reference>, QueueError> {
    let failed = |error| QueueError::caused(Class::Corrupt, "branches and tags of the lake's table", error);
    let mut all = serde_json::to_value(metadata).map_err(failed)?;
    let references = all.get_mut("refs").map(serde_json::Value::take).unwrap_or_default();
    Ok(serde_json::from_value::<Option<_>>(references).map_err(failed)?.unwrap_or_default())
}

/// What a branch or tag needs.
fn kept(
    metadata: &TableMetadata,
    references: &BTreeMap<String, Reference>,
    oldest: i64,
    limits: Limits,
) -> BTreeSet<i64> {
    let mut kept = BTreeSet::new();
    for (name, reference) in references {
        kept.insert(reference.snapshot);
        let branch = ancestors(metadata, reference.snapshot);
        if name == MAIN_BRANCH {
            let young = |(at, of): &(usize, &Snapshot)| {
                *at < limits.keep_at_least || (*at < limits.keep_at_most && of.timestamp_ms() >= oldest)
            };
            kept.extend(branch.into_iter().enumerate().filter(young).map(|(_, of)| of.snapshot_id()));
        } else if reference.kind == "branch" {
            kept.extend(branch.into_iter().map(Snapshot::snapshot_id));
        }
    }
    kept
}

fn ids(snapshots: &[&Snapshot]) -> BTreeSet<i64> {
    snapshots.iter().map(|of| of.snapshot_id()).collect()
}

/// A snapshot and those that it was made from, as far as they are known; each once, whatever a stranger wrote.
pub(super) fn ancestors(metadata: &TableMetadata, newest: i64) -> Vec<&Snapshot> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut next = Some(newest);
    while let Some(snapshot) = next.filter(|id| seen.insert(*id)).and_then(|id| metadata.snapshot_by_id(id)) {
        found.push(&**snapshot);
        next = snapshot.parent_snapshot_id();
    }
    found
}

/// Lists of the snapshots that go, and manifests that only they name.
async fn freed(
    storage: &Storage,
    metadata: &TableMetadata,
    staying: &[&SnapshotRef],
    going: &[&SnapshotRef],
) -> Result<Vec<String>, QueueError> {
    let needed = named(storage, metadata, staying).await?;
    let mut free = named(storage, metadata, going).await?;
    free.extend(going.iter().map(|snapshot| snapshot.manifest_list().to_owned()));
    let lists: BTreeSet<&str> = staying.iter().map(|snapshot| snapshot.manifest_list()).collect();
    Ok(free.into_iter().filter(|path| !needed.contains(path) && !lists.contains(path.as_str())).collect())
}

/// All manifests that the lists of snapshots name.
pub(super) async fn named(
    storage: &Storage,
    metadata: &TableMetadata,
    snapshots: &[&SnapshotRef],
) -> Result<BTreeSet<String>, QueueError> {
    let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(snapshots.len());
    for snapshot in snapshots {
        reads.push(Box::pin(manifests(storage, metadata, snapshot)));
    }
    let mut lists = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE);
    let mut named = BTreeSet::new();
    while let Some(list) = lists.try_next().await? {
        named.extend(list.into_iter().map(|manifest| manifest.manifest_path));
    }
    Ok(named)
}

fn change(base: &Base, references: &BTreeMap<String, Reference>, ids: &[i64]) -> Change {
    let mut requirements = unchanged(&base.metadata);
    let others = references.iter().filter(|(name, _)| *name != MAIN_BRANCH);
    requirements.extend(others.map(|(name, of)| TableRequirement::RefSnapshotIdMatch {
        r#ref: name.clone(),
        snapshot_id: Some(of.snapshot),
    }));
    // One by one, because older catalogs do not take several at once.
    let updates = ids.iter().map(|id| TableUpdate::RemoveSnapshots { snapshot_ids: vec![*id] }).collect();
    Change { requirements, updates }
}

fn gone(ids: Vec<i64>) -> Box<dyn Fn(&Base) -> bool + Send + Sync> {
    Box::new(move |now| ids.iter().all(|id| now.metadata.snapshot_by_id(*id).is_none()))
}
