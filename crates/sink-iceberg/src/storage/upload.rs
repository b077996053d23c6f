//! A large file that is stored piece by piece, so that it never lies in memory as a whole.

use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use logmill_queue::QueueError;
use logmill_store::Store;
use logmill_world::{File, World};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use super::folder::beside;

/// Bytes that are gathered for one part of an object; the least that S3 takes is 5 MiB.
const PART: usize = 8 << 20;

/// A file that is being stored. It is there once [`finish`](Self::finish) has answered; what is dropped before may stay as a
/// part of a file, which nobody names.
pub struct Upload(Kind);

enum Kind {
    File(FileUpload),
    Object(ObjectUpload),
}

impl From<FileUpload> for Upload {
    fn from(file: FileUpload) -> Self {
        Self(Kind::File(file))
    }
}

impl From<ObjectUpload> for Upload {
    fn from(object: ObjectUpload) -> Self {
        Self(Kind::Object(object))
    }
}

impl Upload {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// The storage does not take them.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), QueueError> {
        match &mut self.0 {
            Kind::File(file) => file.write(bytes).await,
            Kind::Object(object) => object.write(bytes).await,
        }
    }

    /// The file is complete: durable on `Ok`.
    ///
    /// # Errors
    /// The storage does not take it; it may be there all the same.
    pub async fn finish(self) -> Result<(), QueueError> {
        match self.0 {
            Kind::File(file) => file.finish().await,
            Kind::Object(object) => object.finish().await,
        }
    }
}

/// A file that grows in a folder.
pub(super) struct FileUpload {
    world: World,
    file: Arc<dyn File>,
    parent: PathBuf,
    location: String,
    written: u64,
}

impl FileUpload {
    pub(super) fn new(world: World, file: Box<dyn File>, parent: PathBuf, location: String) -> Self {
        Self { world, file: file.into(), parent, location, written: 0 }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), QueueError> {
        let (file, at) = (self.file.clone(), self.written);
        self.written += bytes.len() as u64;
        beside(&self.location, "write", move || file.write_at(&[IoSlice::new(&bytes)], at)).await
    }

    async fn finish(self) -> Result<(), QueueError> {
        let Self { world, file, parent, location, written } = self;
        beside(&location, "write", move || {
            file.sync_data()?;
            file.drop_cache(0, written);
            world.fs().sync_dir(&parent)
        })
        .await
    }
}

/// An object that is sent in parts, or at once if it is small.
pub(super) struct ObjectUpload {
    store: Store,
    path: Path,
    writer: BufWriter,
}

impl ObjectUpload {
    pub(super) fn new(store: Store, path: Path) -> Self {
        let writer = BufWriter::with_capacity(store.objects().clone(), path.clone(), PART);
        Self { store, path, writer }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), QueueError> {
        let put = self.writer.put(bytes).await;
        put.map_err(|error| self.store.failed(&format!("does not take a part of {}", self.path), error))
    }

    async fn finish(mut self) -> Result<(), QueueError> {
        let done = self.writer.shutdown().await;
        done.map_err(|error| {
            QueueError::io(format!("{} does not take {}", self.store.name(), self.path), error)
        })
    }
}
