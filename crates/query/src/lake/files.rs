//! The table's files as the library reads them: ranges of them, and nothing is ever written.
//!
//! The library would have its storages registered by a macro so that a plan can be sent to other machines. None is sent here, so the
//! hidden methods that the macro makes are written out, and a storage refuses to become text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use iceberg::io::{
    FileIO, FileIOBuilder, FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig,
    StorageFactory,
};
use iceberg::{Error, ErrorKind, Result};
use logmill_queue::QueueError;
use logmill_sink_iceberg::storage::Storage as Place;
use serde::{Serialize, Serializer};

use crate::stats::Stats;

/// The longest manifest or list of them, in bytes; they are read whole.
const MAX_WHOLE: u64 = 256 << 20;

/// The files of one question.
#[derive(Clone)]
struct Files {
    place: Place,
    stats: Arc<Stats>,
}

/// The library's way to the files of `place`.
pub(super) fn file_io(place: Place, stats: Arc<Stats>) -> FileIO {
    FileIOBuilder::new(Arc::new(Files { place, stats })).build()
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("the files of a question are not sent"))
    }
}

impl StorageFactory for Files {
    fn build(&self, _: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }

    fn typetag_name(&self) -> &'static str {
        "logmill"
    }

    fn typetag_deserialize(&self) {}
}

fn outside(error: QueueError) -> Error {
    Error::new(ErrorKind::Unexpected, error.to_string()).with_source(error)
}

fn read_only<T>() -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, "questions only read"))
}

#[async_trait]
impl Storage for Files {
    async fn exists(&self, _: &str) -> Result<bool> {
        Err(Error::new(ErrorKind::FeatureUnsupported, "files are read by the names that the table has"))
    }

    async fn metadata(&self, _: &str) -> Result<FileMetadata> {
        Err(Error::new(ErrorKind::FeatureUnsupported, "manifests say how long files are"))
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        self.place.get(path, MAX_WHOLE).await.map_err(outside)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        self.stats.opened();
        Ok(Box::new(Ranges { files: self.clone(), path: path.to_owned() }))
    }

    async fn write(&self, _: &str, _: Bytes) -> Result<()> {
        read_only()
    }

    async fn writer(&self, _: &str) -> Result<Box<dyn FileWrite>> {
        read_only()
    }

    async fn delete(&self, _: &str) -> Result<()> {
        read_only()
    }

    async fn delete_prefix(&self, _: &str) -> Result<()> {
        read_only()
    }

    async fn delete_stream(&self, _: BoxStream<'static, String>) -> Result<()> {
        read_only()
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, _: &str) -> Result<OutputFile> {
        read_only()
    }

    fn typetag_name(&self) -> &'static str {
        "logmill"
    }

    fn typetag_deserialize(&self) {}
}

/// Ranges of one file.
struct Ranges {
    files: Files,
    path: String,
}

#[async_trait]
impl FileRead for Ranges {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.files.place.get_range(&self.path, range).await.map_err(outside)?;
        self.files.stats.read(bytes.len() as u64);
        Ok(bytes)
    }
}
