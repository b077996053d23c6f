//! Many small manifests become few: each commit writes and each reader reads the list of all of them.

use std::collections::HashMap;

use iceberg::spec::{DataFile, Manifest, ManifestContentType, ManifestEntry, ManifestFile, Operation};
use logmill_queue::{Class, QueueError};
use logmill_world::World;

use super::{Limits, Plan};
use crate::catalog::{Base, MAX_METADATA, corrupt};
use crate::commit::{Draft, Entry, Workshop, current, summary_of};
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
    let (small, mut manifests) = chosen(workshop.live().await?, spec);
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
    let mut summary = summary_of(Some(parent), &[]);
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

/// A live file, the snapshot, the sequence number and the file's own one with which it came.
type Live = (DataFile, i64, i64, i64);

async fn read(storage: &Storage, manifest: &ManifestFile) -> Result<Vec<Live>, QueueError> {
    let location = &manifest.manifest_path;
    let bytes = storage.get(location, MAX_METADATA).await?;
    let entries = Manifest::parse_avro(&bytes).map_err(|error| corrupt(location, error))?.into_parts().0;
    let live = entries.iter().filter(|entry| entry.is_alive());
    let live: Option<Vec<Live>> = live.map(|entry| inherited(entry, manifest)).collect();
    live.ok_or_else(|| {
        QueueError::new(Class::Corrupt, format!("{location} has an entry without a sequence number"))
    })
}

/// What an entry leaves out it has from its manifest (Iceberg specification, "Sequence Number Inheritance").
fn inherited(entry: &ManifestEntry, manifest: &ManifestFile) -> Option<Live> {
    let is_added = entry.status == iceberg::spec::ManifestStatus::Added;
    let inherits = is_added || manifest.sequence_number == 0;
    let from = inherits.then_some(manifest.sequence_number);
    let since = entry.snapshot_id.unwrap_or(manifest.added_snapshot_id);
    let sequence = entry.sequence_number.or(from)?;
    Some((entry.data_file.clone(), since, sequence, entry.file_sequence_number.or(from)?))
}

fn day(file: &DataFile) -> Option<i32> {
    let value = file.partition().iter().next()??;
    match value.as_primitive_literal()? {
        iceberg::spec::PrimitiveLiteral::Int(day) => Some(day),
        _ => None,
    }
}

fn figures(created: usize, all: usize, replaced: usize) -> HashMap<String, String> {
    HashMap::from([
        ("manifests-created".to_owned(), created.to_string()),
        ("manifests-kept".to_owned(), all.saturating_sub(created).to_string()),
        ("manifests-replaced".to_owned(), replaced.to_string()),
    ])
}
