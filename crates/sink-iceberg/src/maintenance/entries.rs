//! Files as manifests name them.

use iceberg::spec::{
    DataFile, Manifest, ManifestEntry, ManifestEntryRef, ManifestFile, ManifestStatus, PrimitiveLiteral,
};
use logmill_queue::{Class, QueueError};

use crate::catalog::{MAX_METADATA, corrupt};
use crate::storage::Storage;

/// A file that readers see, the snapshot, the sequence number and the file's own one with which it came.
pub(super) type Live = (DataFile, i64, i64, i64);

/// The entries of a manifest that readers see, data and delete files alike. It is parsed beside the async threads.
///
/// # Errors
/// It cannot be read.
pub(super) async fn live(storage: &Storage, location: &str) -> Result<Vec<ManifestEntryRef>, QueueError> {
    let bytes = storage.get(location, MAX_METADATA).await?;
    let parsed = tokio::task::spawn_blocking(move || Manifest::parse_avro(&bytes)).await;
    let failed = |error| QueueError::caused(Class::Bug, format!("{location} was not parsed"), error);
    let manifest = parsed.map_err(failed)?.map_err(|error| corrupt(location, error))?;
    Ok(manifest.into_parts().0.into_iter().filter(|entry| entry.is_alive()).collect())
}

/// The files of a manifest that readers see.
///
/// # Errors
/// It cannot be read, or an entry has no sequence number.
pub(super) async fn read(storage: &Storage, manifest: &ManifestFile) -> Result<Vec<Live>, QueueError> {
    let location = &manifest.manifest_path;
    let entries = live(storage, location).await?;
    let files: Option<Vec<Live>> = entries.iter().map(|entry| inherited(entry, manifest)).collect();
    files.ok_or_else(|| {
        QueueError::new(Class::Corrupt, format!("{location} has an entry without a sequence number"))
    })
}

/// What an entry leaves out it has from its manifest (Iceberg specification, "Sequence Number Inheritance").
fn inherited(entry: &ManifestEntry, manifest: &ManifestFile) -> Option<Live> {
    let is_added = entry.status == ManifestStatus::Added;
    let inherits = is_added || manifest.sequence_number == 0;
    let from = inherits.then_some(manifest.sequence_number);
    let since = entry.snapshot_id.unwrap_or(manifest.added_snapshot_id);
    let sequence = entry.sequence_number.or(from)?;
    Some((entry.data_file.clone(), since, sequence, entry.file_sequence_number.or(from)?))
}

/// The day of a file in our partitioning.
pub(super) fn day(file: &DataFile) -> Option<i32> {
    let value = file.partition().iter().next()??;
    match value.as_primitive_literal()? {
        PrimitiveLiteral::Int(day) => Some(day),
        _ => None,
    }
}
