//! The files of a table, by their locations as metadata names them: `file:///…` or `s3://…` (`az://`, `gs://`).

mod folder;
mod objects;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use logmill_store::StoreConfig;
use logmill_world::World;

use folder::Folder;
use objects::Objects;

/// Where a table's files lie. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Kind);

#[derive(Clone)]
enum Kind {
    Folder(Folder),
    Objects(Objects),
}

impl Storage {
    /// The storage that holds `location`: for a file the folder itself, otherwise the whole bucket. `store` says how to reach it;
    /// its URL is not looked at. Nothing is touched yet.
    ///
    /// # Errors
    /// `Invalid`: a location without a known scheme, or with a name that other engines would read differently.
    pub fn of(world: &World, location: &str, store: &StoreConfig) -> Result<Self, QueueError> {
        let kind = match folder::path(location) {
            Some(root) => Kind::Folder(Folder::new(world, root)?),
            None => Kind::Objects(Objects::open(location, store)?),
        };
        Ok(Self(kind))
    }

    /// Stores a file: durable on `Ok`. Names are never used twice, so a repetition stores the same bytes.
    ///
    /// # Errors
    /// The storage does not take it; it may be there all the same.
    pub async fn put(&self, location: &str, bytes: Bytes) -> Result<(), QueueError> {
        match &self.0 {
            Kind::Folder(folder) => folder.put(location, bytes).await,
            Kind::Objects(objects) => objects.put(location, bytes).await,
        }
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// It cannot be read, or is larger than `limit` bytes (`Corrupt`).
    pub async fn get(&self, location: &str, limit: u64) -> Result<Bytes, QueueError> {
        match &self.0 {
            Kind::Folder(folder) => folder.get(location, limit).await,
            Kind::Objects(objects) => objects.get(location, limit).await,
        }
    }

    /// The bytes `range` of a file, fewer if it ends before.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn get_range(&self, location: &str, range: Range<u64>) -> Result<Bytes, QueueError> {
        match &self.0 {
            Kind::Folder(folder) => folder.get_range(location, range).await,
            Kind::Objects(objects) => objects.get_range(location, range).await,
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn delete(&self, location: &str) -> Result<(), QueueError> {
        match &self.0 {
            Kind::Folder(folder) => folder.delete(location).await,
            Kind::Objects(objects) => objects.delete(location).await,
        }
    }
}

fn outside(location: &str, root: &str) -> QueueError {
    let reason = format!(
        "{location} does not lie in {root}: the lake's settings name another place than the table does"
    );
    QueueError::new(Class::Invalid, reason)
}

fn too_large(location: &str, size: u64, limit: u64) -> QueueError {
    QueueError::new(Class::Corrupt, format!("{location} has {size} bytes, at most {limit} are expected"))
}
