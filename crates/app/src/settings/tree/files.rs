//! The settings of the hourly files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::S3;

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A folder on this machine.
    Folder(PathBuf),
    /// The URL of an object store.
    Store(String),
}

impl Default for Destination {
    fn default() -> Self {
        Self::Folder(PathBuf::new())
    }
}

impl Destination {
    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Store(_) => None,
        }
    }
}

/// The sink of hourly files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilesSink {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// What holds `logs/` and `analytics/`.
    pub(crate) dir: Destination,
    /// How often it writes what it has gathered into a folder.
    pub(crate) flush_interval: Duration,
    /// How often it writes what it has gathered into an object store.
    pub(crate) object_interval: Duration,
    /// Bytes of what it has gathered for an object store.
    pub(crate) object_bytes: u64,
    /// How objects are compressed.
    pub(crate) object_codec: ObjectCodec,
    /// An S3 store.
    pub(crate) s3: S3,
}

/// How objects are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ObjectCodec {
    /// Zstandard.
    #[default]
    Zstd,
    /// gzip.
    Gzip,
}
