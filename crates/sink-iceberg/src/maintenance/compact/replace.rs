//! The change that puts large files into the place of small ones.

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::{DataFile, ManifestFile, Operation};
use logmill_queue::QueueError;

use super::super::entries::read;
use crate::catalog::Change;
use crate::commit::{Draft, Entry, Workshop, current, summary_of};

/// Entries of one manifest that is written.
const ENTRIES: usize = 10_000;

/// A snapshot in which the sources are gone and the files are there; `naming` are the manifests that name a source.
///
/// # Errors
/// The storage fails.
pub(super) async fn change(
    workshop: &Workshop<'_>,
    live: Vec<ManifestFile>,
    naming: &BTreeSet<String>,
    sources: &BTreeSet<String>,
    files: &[DataFile],
) -> Result<Change, QueueError> {
    let id = workshop.snapshot_id();
    let (rewritten, kept): (Vec<ManifestFile>, Vec<ManifestFile>) =
        live.into_iter().partition(|manifest| naming.contains(&manifest.manifest_path));
    let (mut entries, mut removed) = (Vec::new(), Vec::new());
    for manifest in &rewritten {
        for (file, since, sequence, own) in read(workshop.storage, manifest).await? {
            if sources.contains(file.file_path()) {
                removed.push(file.clone());
                entries.push(Entry::Removed(file, sequence, own));
            } else {
                entries.push(Entry::Existing(file, since, sequence, own));
            }
        }
    }
    let added = files.iter().cloned().map(Entry::Added).collect();
    let mut manifests = vec![workshop.manifest(id, 0, added).await?];
    let mut entries = entries.into_iter();
    loop {
        let part: Vec<Entry> = entries.by_ref().take(ENTRIES).collect();
        if part.is_empty() {
            break;
        }
        manifests.push(workshop.manifest(id, manifests.len(), part).await?);
    }
    let mut summary = summary_of(current(&workshop.base.metadata), files, &removed);
    summary.extend(HashMap::from([
        ("manifests-created".to_owned(), manifests.len().to_string()),
        ("manifests-kept".to_owned(), kept.len().to_string()),
        ("manifests-replaced".to_owned(), rewritten.len().to_string()),
    ]));
    manifests.extend(kept);
    let draft = Draft { id, operation: Operation::Replace, manifests, summary, entries: Vec::new() };
    workshop.propose(draft).await
}
