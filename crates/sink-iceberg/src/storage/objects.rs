//! Files in a bucket.

use std::ops::Range;

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use logmill_store::{Store, StoreConfig};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::{outside, too_large};

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
        let got = self.store.objects().get_range(&path, range).await;
        got.map_err(|error| self.store.failed(&format!("does not give {path}"), error))
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
