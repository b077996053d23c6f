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

/// What a snapshot brings into the table.
pub(crate) struct Addition<'a> {
    pub operation: Operation,
    pub files: &'a [DataFile],
    /// Set as properties, and named in the snapshot's summary.
    pub entries: Vec<(String, String)>,
}

impl Workshop<'_> {
    /// Writes what the snapshot consists of and answers the change. Nothing is in the table yet.
    ///
    /// # Errors
    /// The storage does not take it; a base that cannot be built upon.
    pub(crate) async fn append(&self, add: Addition<'_>) -> Result<Change, QueueError> {
        let base = &self.base.metadata;
        let parent = current(base);
        let id = self.snapshot_id();
        let mut manifests = match parent {
            Some(parent) => self.manifests(parent).await?,
            None => Vec::new(),
        };
        // A manifest that only names removed files says nothing to readers of this snapshot.
        manifests.retain(|manifest| manifest.has_added_files() || manifest.has_existing_files());
        if !add.files.is_empty() {
            manifests.insert(0, self.manifest(id, add.files).await?);
        }
        let sequence =
            base.last_sequence_number().checked_add(1).ok_or_else(|| self.strange("sequence number"))?;
        let list = self.list(id, parent, sequence, manifests).await?;
        let mut summary = summary::of(parent, add.files);
        summary.insert(COMMIT_ID.to_owned(), self.commit.to_string());
        summary.extend(add.entries.iter().cloned());
        let snapshot = Snapshot::builder()
            .with_snapshot_id(id)
            .with_parent_snapshot_id(parent.map(|parent| parent.snapshot_id()))
            .with_sequence_number(sequence)
            .with_timestamp_ms(self.timestamp())
            .with_manifest_list(list)
            .with_summary(Summary { operation: add.operation, additional_properties: summary })
            .with_schema_id(base.current_schema_id())
            .build();
        self.change(snapshot, add.entries.into_iter().collect())
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

    async fn manifest(&self, snapshot: i64, files: &[DataFile]) -> Result<ManifestFile, QueueError> {
        let base = &self.base.metadata;
        let location = format!("{}/metadata/{}-{snapshot}-m0.avro", base.location(), self.commit);
        let failed = |error| corrupt(&location, error);
        let schema =
            base.schema_by_id(base.current_schema_id()).ok_or_else(|| self.strange("current schema"))?;
        let spec = (**base.default_partition_spec()).clone();
        let memory = FileIO::new_with_memory();
        let output = memory.new_output(&location).map_err(failed)?;
        let mut writer =
            ManifestWriterBuilder::new(output, Some(snapshot), schema.clone(), spec).build_v2_data();
        for file in files {
            writer.add_file(file.clone(), UNASSIGNED_SEQUENCE_NUMBER).map_err(failed)?;
        }
        let manifest = writer.write_manifest_file().await.map_err(failed)?;
        self.storage.put(&location, taken(&memory, &location).await?).await?;
        Ok(manifest)
    }

    async fn list(
        &self,
        snapshot: i64,
        parent: Option<&SnapshotRef>,
        sequence: i64,
        manifests: Vec<ManifestFile>,
    ) -> Result<String, QueueError> {
        let folder = self.base.metadata.location();
        let location = format!("{folder}/metadata/snap-{snapshot}-{}.avro", self.commit);
        let failed = |error| corrupt(&location, error);
        let memory = FileIO::new_with_memory();
        let output = memory.new_output(&location).map_err(failed)?;
        let writer = output.writer().await.map_err(failed)?;
        let parent = parent.map(|parent| parent.snapshot_id());
        let mut writer = ManifestListWriter::v2(writer, snapshot, parent, sequence);
        writer.add_manifests(manifests.into_iter()).map_err(failed)?;
        writer.close().await.map_err(failed)?;
        self.storage.put(&location, taken(&memory, &location).await?).await?;
        Ok(location)
    }

    /// The manifests of a snapshot.
    pub(crate) async fn manifests(&self, snapshot: &Snapshot) -> Result<Vec<ManifestFile>, QueueError> {
        let location = snapshot.manifest_list();
        let bytes = self.storage.get(location, MAX_METADATA).await?;
        let list = ManifestList::parse_with_version(&bytes, self.base.metadata.format_version());
        Ok(list.map_err(|error| corrupt(location, error))?.consume_entries().into_iter().collect())
    }

    /// A positive number that no snapshot of the table has.
    fn snapshot_id(&self) -> i64 {
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
