//! What the manifests of a table say of small files and of deletes. A manifest never changes, so each is read once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::{DataFile, DataFileFormat, ManifestContentType, ManifestFile};
use logmill_queue::{BoxFuture, QueueError};

use super::super::entries::{day, read};
use super::choice::SMALL;
use crate::catalog::Base;
use crate::storage::Storage;
use crate::table;

/// Manifests that are read at the same time.
const AT_ONCE: usize = 8;

/// A file of ours that is smaller than it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub location: String,
    /// Days since 1970-01-01.
    pub day: i32,
    pub bytes: u64,
    pub rows: u64,
    /// Bytes of the largest row group.
    pub group: u64,
}

/// What a manifest says.
#[derive(Debug, Default)]
struct Contents {
    small: Vec<Small>,
    /// Days that have live delete files.
    deletes: BTreeSet<i32>,
    /// A delete file that is not of our partitioning may concern any day.
    deletes_anywhere: bool,
}

/// Manifests that were read, by their location.
#[derive(Default)]
pub(in crate::maintenance) struct Inventory {
    manifests: HashMap<String, Arc<Contents>>,
}

/// Which files count as small, and which as ours.
struct Rule {
    order: Option<i32>,
    spec: i32,
    folder: String,
}

impl Inventory {
    /// Reads the manifests that were not there the last time.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(super) async fn refresh(
        &mut self,
        storage: &Storage,
        base: &Base,
        live: &[ManifestFile],
    ) -> Result<(), QueueError> {
        let rule = Rule {
            order: table::order_id(&base.metadata),
            spec: base.metadata.default_partition_spec_id(),
            folder: format!("{}/data/", base.metadata.location()),
        };
        let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(live.len());
        for manifest in live {
            reads.push(Box::pin(self.contents(storage, manifest, &rule)));
        }
        self.manifests = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(())
    }

    async fn contents(
        &self,
        storage: &Storage,
        manifest: &ManifestFile,
        rule: &Rule,
    ) -> Result<(String, Arc<Contents>), QueueError> {
        let location = manifest.manifest_path.clone();
        if let Some(known) = self.manifests.get(&location) {
            return Ok((location, known.clone()));
        }
        let files = read(storage, manifest).await?;
        let mut contents = Contents::default();
        for (file, ..) in &files {
            if manifest.content == ManifestContentType::Deletes {
                match day(file).filter(|_| manifest.partition_spec_id == rule.spec) {
                    Some(day) => drop(contents.deletes.insert(day)),
                    None => contents.deletes_anywhere = true,
                }
            } else if manifest.partition_spec_id == rule.spec {
                contents.small.extend(rule.small(file));
            }
        }
        Ok((location, Arc::new(contents)))
    }

    /// The small files by day, without days of which rows were deleted: what is deleted would come back.
    pub(super) fn days(&self) -> BTreeMap<i32, Vec<&Small>> {
        let mut days: BTreeMap<i32, Vec<&Small>> = BTreeMap::new();
        for small in self.manifests.values().flat_map(|contents| &contents.small) {
            days.entry(small.day).or_default().push(small);
        }
        days.retain(|day, _| !self.has_deletes(*day));
        days
    }

    /// Whether rows of this day may have been deleted without their file.
    pub(super) fn has_deletes(&self, day: i32) -> bool {
        self.manifests.values().any(|contents| contents.deletes_anywhere || contents.deletes.contains(&day))
    }

    /// The manifests that name one of these files, and how many of the files they name.
    pub(super) fn naming(&self, files: &BTreeSet<String>) -> (BTreeSet<String>, usize) {
        let (mut manifests, mut found) = (BTreeSet::new(), 0);
        for (location, contents) in &self.manifests {
            let named = contents.small.iter().filter(|small| files.contains(&small.location)).count();
            if named > 0 {
                manifests.insert(location.clone());
                found += named;
            }
        }
        (manifests, found)
    }
}

impl Rule {
    /// Only files with our names, so that their columns are ours, and in our order.
    fn small(&self, file: &DataFile) -> Option<Small> {
        let name = file.file_path().strip_prefix(&self.folder)?.rsplit('/').next()?;
        let is_ours = name.starts_with(crate::files::PREFIX)
            && file.file_format() == DataFileFormat::Parquet
            && self.order.is_some()
            && file.sort_order_id() == self.order
            && file.key_metadata().is_none();
        let bytes = file.file_size_in_bytes();
        (is_ours && bytes < SMALL).then_some(())?;
        let ends = file.split_offsets().unwrap_or_default().iter().skip(1).copied();
        let starts = file.split_offsets().unwrap_or_default().iter().copied();
        let groups = starts.zip(ends.chain(i64::try_from(bytes).ok()));
        let group = groups.map(|(start, end)| u64::try_from(end - start).unwrap_or(0)).max();
        Some(Small {
            location: file.file_path().to_owned(),
            day: day(file)?,
            bytes,
            rows: file.record_count(),
            group: group.unwrap_or(bytes),
        })
    }
}
