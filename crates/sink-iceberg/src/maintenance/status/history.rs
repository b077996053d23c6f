//! Whether the rows are there that the positions say are: another engine that rolls a table back leaves its properties.

use std::collections::BTreeSet;

use iceberg::spec::{Snapshot, TableMetadata};
use logmill_queue::Offset;

use super::super::expire::ancestors;
use crate::position::{COMMIT_ID, Known, next};

/// What the current snapshot and those that it was made from say of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// One of them brought the partition there.
    Holds,
    /// They hold it only up to this offset, or nothing of it that is known: another engine rolled back past the position.
    RolledBack(Option<Offset>),
    /// Those that could tell have expired, as they do after some days without rows.
    Expired,
}

/// Compares a position with the history.
pub(super) fn of(metadata: &TableMetadata, known: &Known) -> History {
    let history = current(metadata);
    let text = history.iter().find_map(|of| of.summary().additional_properties.get(&known.name));
    match text.and_then(|text| next(text)) {
        Some(next) if next >= known.at.next => History::Holds,
        Some(next) => History::RolledBack(Some(next)),
        None if is_whole(&history) || is_outside(metadata, known) => History::RolledBack(None),
        None => History::Expired,
    }
}

/// Our snapshots that are as young as the history, and not in it.
pub(super) fn rolled_back(metadata: &TableMetadata) -> Vec<i64> {
    let mut ids: Vec<i64> = outside(metadata).iter().map(|of| of.snapshot_id()).collect();
    ids.sort_unstable();
    ids
}

fn outside(metadata: &TableMetadata) -> Vec<&Snapshot> {
    let history = current(metadata);
    // What is older than the oldest one that is left may have been part of it: a tag keeps it.
    let oldest = history.last().filter(|_| !is_whole(&history)).map_or(0, |of| of.sequence_number());
    let within: BTreeSet<i64> = history.iter().map(|of| of.snapshot_id()).collect();
    let is_outside = |of: &&Snapshot| {
        commit(of).is_some() && of.sequence_number() > oldest && !within.contains(&of.snapshot_id())
    };
    metadata.snapshots().map(|of| &**of).filter(is_outside).collect()
}

fn commit(snapshot: &Snapshot) -> Option<&String> {
    snapshot.summary().additional_properties.get(COMMIT_ID)
}

/// The snapshot that readers see and those that it was made from, as far as they are there.
fn current(metadata: &TableMetadata) -> Vec<&Snapshot> {
    metadata.current_snapshot_id().map_or_else(Vec::new, |id| ancestors(metadata, id))
}

/// Whether it goes back to the table's first snapshot.
fn is_whole(history: &[&Snapshot]) -> bool {
    history.last().is_none_or(|oldest| oldest.parent_snapshot_id().is_none())
}

/// Whether the snapshot that brought the position there is outside of the history.
fn is_outside(metadata: &TableMetadata, known: &Known) -> bool {
    let id = known.at.commit.to_string();
    outside(metadata).into_iter().any(|of| commit(of) == Some(&id))
}
