//! The summary of a snapshot (Iceberg specification, "Optional Snapshot Summary Fields").

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::{DataFile, SnapshotRef};

/// What a snapshot adds and removes, and what the table holds with it.
pub(crate) fn of(
    parent: Option<&SnapshotRef>,
    added: &[DataFile],
    removed: &[DataFile],
) -> HashMap<String, String> {
    let (more, less) = (Sums::of(added), Sums::of(removed));
    let days: BTreeSet<String> =
        added.iter().chain(removed).map(|file| format!("{:?}", file.partition())).collect();
    let mut summary = HashMap::new();
    for (name, figure) in [
        ("added-data-files", more.files),
        ("added-records", more.records),
        ("added-files-size", more.bytes),
        ("deleted-data-files", less.files),
        ("deleted-records", less.records),
        ("removed-files-size", less.bytes),
        ("changed-partition-count", days.len() as u64),
    ] {
        if figure > 0 {
            summary.insert(name.to_owned(), figure.to_string());
        }
    }
    for (name, more, less) in [
        ("total-data-files", more.files, less.files),
        ("total-records", more.records, less.records),
        ("total-files-size", more.bytes, less.bytes),
        ("total-delete-files", 0, 0),
        ("total-position-deletes", 0, 0),
        ("total-equality-deletes", 0, 0),
    ] {
        // Where the parent does not know its total, nobody can say the new one.
        if let Some(before) = total(parent, name) {
            summary.insert(name.to_owned(), before.saturating_add(more).saturating_sub(less).to_string());
        }
    }
    summary
}

struct Sums {
    files: u64,
    records: u64,
    bytes: u64,
}

impl Sums {
    fn of(files: &[DataFile]) -> Self {
        Self {
            files: files.len() as u64,
            records: files.iter().map(DataFile::record_count).sum(),
            bytes: files.iter().map(DataFile::file_size_in_bytes).sum(),
        }
    }
}

fn total(parent: Option<&SnapshotRef>, name: &str) -> Option<u64> {
    parent.map_or(Some(0), |parent| parent.summary().additional_properties.get(name)?.parse().ok())
}
