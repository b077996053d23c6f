//! Many small manifests become few: each commit writes and each reader reads the list of all of them.

use std::collections::HashMap;

use iceberg::spec::{ManifestContentType, ManifestFile, Operation};
use logmill_queue::QueueError;
use logmill_world::World;

use super::entries::{day, read};
use super::{Limits, Plan};
use crate::catalog::Base;
use crate::commit::{Draft, Entry, Workshop, current, live, summary_of};
use crate::storage::Storage;

/// A manifest is small below so many bytes, and a merged one is about as large.
const SMALL: i64 = 4 << 20;
/// Bytes of manifests that one round reads.
const MOST: i64 = 32 << 20;

pub(super) async fn plan(
    world: &World,
    storage: &Storage,
    base: &Base,
    limits: Limits,
) -> Result<Option<(Plan, usize)>, QueueError> {
    let Some(parent) = current(&base.metadata) else { return Ok(None) };
    let commit = uuid::Builder::from_random_bytes(world.random_id()).into_uuid();
    let workshop = Workshop { world, storage, base, commit };
    let spec = base.metadata.default_partition_spec_id();
    let (small, mut manifests) = chosen(live(storage, &base.metadata).await?, spec);
    if small.len() <= limits.manifests {
        return Ok(None);
    }
    let id = workshop.snapshot_id();
    let mut files = Vec::new();
    for manifest in &small {
        files.extend(read(storage, manifest).await?);
    }
    // Files of a day stand together, so that a reader of a day needs few of the manifests.
    files.sort_by_key(|(file, ..)| day(file));
    let bytes: i64 = small.iter().map(|manifest| manifest.manifest_length).sum();
    let parts = usize::try_from(bytes / SMALL + 1).unwrap_or(1);
    let entries = files.len().div_ceil(parts).max(1);
    let mut files =
        files.into_iter().map(|(file, since, sequence, own)| Entry::Existing(file, since, sequence, own));
    let mut written = 0;
    loop {
        let part: Vec<Entry> = files.by_ref().take(entries).collect();
        if part.is_empty() {
            break;
        }
        manifests.push(workshop.manifest(id, written, part).await?);
        written += 1;
    }
    let mut summary = summary_of(Some(parent), &[], &[]);
    summary.extend(figures(written, manifests.len(), small.len()));
    let draft = Draft { id, operation: Operation::Replace, manifests, summary, entries: Vec::new() };
    let change = workshop.propose(draft).await?;
    let is_done = Box::new(move |now: &Base| now.metadata.snapshot_by_id(id).is_some());
    Ok(Some((Plan { change, is_done, frees: Vec::new() }, small.len())))
}

/// The small manifests of our partitioning, and the others.
fn chosen(all: Vec<ManifestFile>, spec: i32) -> (Vec<ManifestFile>, Vec<ManifestFile>) {
    let mut bytes = 0_i64;
    all.into_iter().partition(|manifest| {
        let is_small = manifest.manifest_length < SMALL
            && manifest.content == ManifestContentType::Data
            && manifest.partition_spec_id == spec
            && manifest.key_metadata.is_none();
        let fits = is_small && bytes.saturating_add(manifest.manifest_length) <= MOST;
        bytes += if fits { manifest.manifest_length } else { 0 };
        fits
    })
}

fn figures(created: usize, all: usize, replaced: usize) -> HashMap<String, String> {
    HashMap::from([
        ("manifests-created".to_owned(), created.to_string()),
        ("manifests-kept".to_owned(), all.saturating_sub(created).to_string()),
        ("manifests-replaced".to_owned(), replaced.to_string()),
    ])
}
