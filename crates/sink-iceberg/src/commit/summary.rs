//! The summary of a snapshot (Iceberg specification, "Optional Snapshot Summary Fields").

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::{DataFile, SnapshotRef};

/// What a snapshot adds, and what the table holds with it.
pub(crate) fn of(parent: Option<&SnapshotRef>, files: &[DataFile]) -> HashMap<String, String> {
    let records: u64 = files.iter().map(DataFile::record_count).sum();
    let bytes: u64 = files.iter().map(DataFile::file_size_in_bytes).sum();
    let days: BTreeSet<String> = files.iter().map(|file| format!("{:?}", file.partition())).collect();
    let mut summary = HashMap::new();
    for (name, figure) in [
        ("added-data-files", files.len() as u64),
        ("added-records", records),
        ("added-files-size", bytes),
        ("changed-partition-count", days.len() as u64),
    ] {
        if figure > 0 {
            summary.insert(name.to_owned(), figure.to_string());
        }
    }
    for (name, more) in [
        ("total-data-files", files.len() as u64),
        ("total-records", records),
        ("total-files-size", bytes),
        ("total-delete-files", 0),
        ("total-position-deletes", 0),
        ("total-equality-deletes", 0),
    ] {
        // Where the parent does not know its total, nobody can say the new one.
        if let Some(before) = total(parent, name) {
            summary.insert(name.to_owned(), before.saturating_add(more).to_string());
        }
    }
    summary
}

fn total(parent: Option<&SnapshotRef>, name: &str) -> Option<u64> {
    parent.map_or(Some(0), |parent| parent.summary().additional_properties.get(name)?.parse().ok())
}
