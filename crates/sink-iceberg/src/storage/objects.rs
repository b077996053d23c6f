//! Files in a bucket.

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt;
use logmill_queue::{Class, QueueError};
use logmill_store::{Store, StoreConfig};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::upload::{ObjectUpload, Upload};
use super::{Listed, Visit, outside, too_large};

/// A bucket that holds tables.
#[derive(Clone)]
pub(super) struct Objects {
    store: Store,
}

impl Objects {
    pub(super) fn open(location: &str, config: &StoreConfig) -> Result<Self, QueueError> {
        let location = spelled(location);
        let bucket = location.split('/').take(3).collect::<Vec<_>>().join("/");
        Ok(Self { store: Store::open(&StoreConfig { url: bucket, ..config.clone() })? })
    }

    fn find(&self, location: &str) -> Result<Path, QueueError> {
        self.store.find(&spelled(location)).ok_or_else(|| outside(location, &self.store.name()))
    }

    pub(super) async fn put(&self, location: &str, bytes: Bytes) -> Result<(), QueueError> {
        let path = self.find(location)?;
        let put = self.store.objects().put(&path, bytes.into()).await;
        put.map(drop).map_err(|error| self.store.failed(&format!("does not take {path}"), error))
    }

    pub(super) async fn get(&self, location: &str, limit: u64) -> Result<Bytes, QueueError> {
        let path = self.find(location)?;
        let failed = |error| self.store.failed(&format!("does not give {path}"), error);
        let found = self.store.objects().get(&path).await.map_err(failed)?;
        if found.meta.size > limit {
            return Err(too_large(location, found.meta.size, limit));
        }
        found.bytes().await.map_err(failed)
    }

    pub(super) async fn get_range(&self, location: &str, range: Range<u64>) -> Result<Bytes, QueueError> {
        let path = self.find(location)?;
        let found = self.store.objects().get_range(&path, range).await;
        found.map_err(|error| self.store.failed(&format!("does not give a part of {path}"), error))
    }

    pub(super) fn create(&self, location: &str) -> Result<Upload, QueueError> {
        Ok(ObjectUpload::new(self.store.clone(), self.find(location)?).into())
    }

    pub(super) async fn list(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), QueueError> {
        let path = self.find(folder)?;
        let failed = |error| self.store.failed(&format!("does not list {path}"), error);
        let mut found = self.store.objects().list(Some(&path));
        while let Some(object) = found.try_next().await.map_err(failed)? {
            // What lies below has the same beginning, in the store's spelling.
            let below = object.location.as_ref().strip_prefix(path.as_ref()).unwrap_or_default();
            visit(Listed {
                location: format!("{folder}{below}"),
                size: object.size,
                modified: object.last_modified.timestamp_micros(),
            });
        }
        Ok(())
    }

    pub(super) async fn delete(&self, location: &str) -> Result<(), QueueError> {
        let path = self.find(location)?;
        match self.store.objects().delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(QueueError::caused(
                Class::Unavailable,
                format!("{} does not remove {path}", self.store.name()),
                error,
            )),
        }
    }
}

/// Hadoop's names for the same stores.
fn spelled(location: &str) -> String {
    match location.split_once("://") {
        Some(("s3a" | "s3n", rest)) => format!("s3://{rest}"),
        _ => location.to_owned(),
    }
}
