//! A new snapshot on top of a base: its manifest, its manifest list, and the change that brings it into the table.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use iceberg::TableRequirement;
use iceberg::io::FileIO;
use iceberg::spec::{
    DataFile, MAIN_BRANCH, ManifestFile, ManifestList, ManifestListWriter, ManifestWriterBuilder, Operation,
    Snapshot, SnapshotRef, Summary, TableMetadata, UNASSIGNED_SEQUENCE_NUMBER,
};
use logmill_queue::{Class, QueueError};
use logmill_world::World;
use uuid::Uuid;

use super::summary;
use crate::catalog::{Base, Change, MAX_METADATA, corrupt};
use crate::position::COMMIT_ID;
use crate::storage::Storage;

/// Where a snapshot is made.
pub(crate) struct Workshop<'a> {
    pub world: &'a World,
    pub storage: &'a Storage,
    pub base: &'a Base,
    /// The id of the commit; the same for all its attempts.
    pub commit: Uuid,
}

/// What a snapshot consists of.
pub(crate) struct Draft {
    pub id: i64,
    pub operation: Operation,
    /// All of them, the newest first.
    pub manifests: Vec<ManifestFile>,
    pub summary: HashMap<String, String>,
    /// Set as properties, and named in the snapshot's summary.
    pub entries: Vec<(String, String)>,
}

/// A data file in a manifest that is written.
pub(crate) enum Entry {
    /// It comes with the snapshot.
    Added(DataFile),
    /// It was there before: the snapshot, the sequence number and the file's sequence number with which it came.
    Existing(DataFile, i64, i64, i64),
    /// The snapshot takes it away: the sequence number and the file's sequence number with which it came.
    Removed(DataFile, i64, i64),
}

impl Workshop<'_> {
    /// Writes a snapshot with more files and answers the change. Nothing is in the table yet.
    ///
    /// # Errors
    /// The storage does not take it; a base that cannot be built upon.
    pub(crate) async fn append(
        &self,
        files: &[DataFile],
        entries: Vec<(String, String)>,
    ) -> Result<Change, QueueError> {
        let id = self.snapshot_id();
        let parent = current(&self.base.metadata);
        let mut manifests = live(self.storage, &self.base.metadata).await?;
        if !files.is_empty() {
            let added = files.iter().cloned().map(Entry::Added).collect();
            manifests.insert(0, self.manifest(id, 0, added).await?);
        }
        let summary = summary::of(parent, files, &[]);
        self.propose(Draft { id, operation: Operation::Append, manifests, summary, entries }).await
    }

    /// Writes the snapshot's list and answers the change.
    ///
    /// # Errors
    /// As `append`.
    pub(crate) async fn propose(&self, draft: Draft) -> Result<Change, QueueError> {
        let base = &self.base.metadata;
        let parent = current(base).map(|parent| parent.snapshot_id());
        let sequence =
            base.last_sequence_number().checked_add(1).ok_or_else(|| self.strange("sequence number"))?;
        let list = self.list(draft.id, parent, sequence, draft.manifests).await?;
        let mut summary = draft.summary;
        summary.insert(COMMIT_ID.to_owned(), self.commit.to_string());
        summary.extend(draft.entries.iter().cloned());
        let snapshot = Snapshot::builder()
            .with_snapshot_id(draft.id)
            .with_parent_snapshot_id(parent)
            .with_sequence_number(sequence)
            .with_timestamp_ms(self.timestamp())
            .with_manifest_list(list)
            .with_summary(Summary { operation: draft.operation, additional_properties: summary })
            .with_schema_id(base.current_schema_id())
            .build();
        self.change(snapshot, draft.entries.into_iter().collect())
    }

    fn change(&self, snapshot: Snapshot, entries: HashMap<String, String>) -> Result<Change, QueueError> {
        let base = &self.base.metadata;
        // The library's builder keeps what the branch says of its retention.
        let built = (**base)
            .clone()
            .into_builder(None)
            .set_branch_snapshot(snapshot, MAIN_BRANCH)
            .and_then(|builder| builder.set_properties(entries))
            .and_then(|builder| builder.build());
        let updates = built.map_err(|error| corrupt(&self.base.location, error))?.changes;
        Ok(Change { requirements: unchanged(base), updates })
    }

    /// Writes a manifest; `number` tells those of one snapshot apart.
    pub(crate) async fn manifest(
        &self,
        snapshot: i64,
        number: usize,
        entries: Vec<Entry>,
    ) -> Result<ManifestFile, QueueError> {
        let base = &self.base.metadata;
        let location = format!("{}/metadata/{}-{snapshot}-m{number}.avro", base.location(), self.commit);
        let failed = |error| corrupt(&location, error);
        let schema =
            base.schema_by_id(base.current_schema_id()).ok_or_else(|| self.strange("current schema"))?;
        let spec = (**base.default_partition_spec()).clone();
        let memory = FileIO::new_with_memory();
        let output = memory.new_output(&location).map_err(failed)?;
        let mut writer =
            ManifestWriterBuilder::new(output, Some(snapshot), schema.clone(), spec).build_v2_data();
        for entry in entries {
            match entry {
                Entry::Added(file) => writer.add_file(file, UNASSIGNED_SEQUENCE_NUMBER),
                Entry::Existing(file, since, sequence, of_file) => {
                    writer.add_existing_file(file, since, sequence, Some(of_file))
                }
                Entry::Removed(file, sequence, of_file) => {
                    writer.add_delete_file(file, sequence, Some(of_file))
                }
            }
            .map_err(failed)?;
        }
        let manifest = writer.write_manifest_file().await.map_err(failed)?;
        self.storage.put(&location, taken(&memory, &location).await?).await?;
        Ok(manifest)
    }

    async fn list(
        &self,
        snapshot: i64,
        parent: Option<i64>,
        sequence: i64,
        manifests: Vec<ManifestFile>,
    ) -> Result<String, QueueError> {
        let folder = self.base.metadata.location();
        let location = format!("{folder}/metadata/snap-{snapshot}-{}.avro", self.commit);
        let failed = |error| corrupt(&location, error);
        let memory = FileIO::new_with_memory();
        let output = memory.new_output(&location).map_err(failed)?;
        let writer = output.writer().await.map_err(failed)?;
        let mut writer = ManifestListWriter::v2(writer, snapshot, parent, sequence);
        writer.add_manifests(manifests.into_iter()).map_err(failed)?;
        writer.close().await.map_err(failed)?;
        self.storage.put(&location, taken(&memory, &location).await?).await?;
        Ok(location)
    }

    /// A positive number that no snapshot of the table has.
    pub(crate) fn snapshot_id(&self) -> i64 {
        loop {
            let id = i64::try_from(self.world.random_below(i64::MAX as u64)).unwrap_or(0);
            if id > 0 && self.base.metadata.snapshot_by_id(id).is_none() {
                return id;
            }
        }
    }

    /// Now, but never before the table's last change, which catalogs would refuse after a clock was set back. Milliseconds.
    fn timestamp(&self) -> i64 {
        let base = &self.base.metadata;
        let last = base.history().last().map_or(i64::MIN, |entry| entry.timestamp_ms);
        (self.world.clock().wall() / 1000).max(base.last_updated_ms()).max(last)
    }

    fn strange(&self, what: &str) -> QueueError {
        QueueError::new(Class::Corrupt, format!("{} has no usable {what}", self.base.location))
    }
}

/// The manifests of a snapshot.
///
/// # Errors
/// Its list cannot be read.
pub(crate) async fn manifests(
    storage: &Storage,
    metadata: &TableMetadata,
    snapshot: &Snapshot,
) -> Result<Vec<ManifestFile>, QueueError> {
    let location = snapshot.manifest_list();
    let bytes = storage.get(location, MAX_METADATA).await?;
    let list = ManifestList::parse_with_version(&bytes, metadata.format_version());
    Ok(list.map_err(|error| corrupt(location, error))?.consume_entries().into_iter().collect())
}

/// The manifests of a table that say something to readers of its next snapshot: one that only names removed files does not.
///
/// # Errors
/// The list cannot be read.
pub(crate) async fn live(
    storage: &Storage,
    metadata: &TableMetadata,
) -> Result<Vec<ManifestFile>, QueueError> {
    let Some(current) = current(metadata) else { return Ok(Vec::new()) };
    let mut manifests = manifests(storage, metadata, current).await?;
    manifests.retain(|manifest| manifest.has_added_files() || manifest.has_existing_files());
    Ok(manifests)
}

/// The snapshot that readers see.
pub(crate) fn current(metadata: &TableMetadata) -> Option<&SnapshotRef> {
    metadata.current_snapshot_id().and_then(|id| metadata.snapshot_by_id(id))
}

/// What must still hold of the base when a change comes into the table.
pub(crate) fn unchanged(base: &Arc<TableMetadata>) -> Vec<TableRequirement> {
    vec![
        TableRequirement::UuidMatch { uuid: base.uuid() },
        TableRequirement::RefSnapshotIdMatch {
            r#ref: MAIN_BRANCH.to_owned(),
            snapshot_id: base.current_snapshot_id(),
        },
        TableRequirement::CurrentSchemaIdMatch { current_schema_id: base.current_schema_id() },
        TableRequirement::DefaultSpecIdMatch { default_spec_id: base.default_partition_spec_id() },
    ]
}

/// What the library wrote into memory.
async fn taken(memory: &FileIO, location: &str) -> Result<Bytes, QueueError> {
    let failed = |error| corrupt(location, error);
    memory.new_input(location).map_err(failed)?.read().await.map_err(failed)
}
