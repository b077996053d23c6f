//! Object stores behind a URL. See README.md.

mod open;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use object_store::path::Path;
use object_store::{Attributes, ObjectStore, PutMode, PutOptions};

pub use open::StoreConfig;

/// Below it lies what a look at the store writes.
const PROBE: &str = ".logmill/probe";

/// An object store with a prefix in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    /// What all locations begin with: `s3://bucket`.
    root: String,
    /// Without slashes at its ends; empty is the root.
    prefix: String,
}

/// What a store does with a put that may only create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It refuses a second one.
    Kept,
    /// It overwrites: what was written stays right only if the same name always has the same content.
    Ignored,
}

/// What became of a put that may only create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is there now. A store that ignores the condition says this of every put.
    New,
    /// An object of that name was there, and stays as it was.
    Exists,
}

impl Store {
    /// The store of a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// A URL that is none, or of another scheme; settings that do not fit to it.
    pub fn open(config: &StoreConfig) -> Result<Self, QueueError> {
        open::open(config)
    }

    /// A store that is open already; `root` is what its locations and messages begin with.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str, root: &str) -> Self {
        Self { inner, prefix: prefix.to_owned(), root: root.to_owned() }
    }

    /// The store itself, whose paths begin at the bucket and not at the prefix.
    #[must_use]
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    /// The prefix, without slashes at its ends; empty is the bucket itself.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The path of a name below the prefix.
    #[must_use]
    pub fn path(&self, name: &str) -> Path {
        Path::from(below(&self.prefix, name))
    }

    /// A path as everybody can find it: `s3://bucket/prefix/name`.
    #[must_use]
    pub fn location(&self, path: &Path) -> String {
        format!("{}/{path}", self.root)
    }

    /// The path of a location; none if it lies in another bucket or store.
    #[must_use]
    pub fn find(&self, location: &str) -> Option<Path> {
        let path = location.strip_prefix(&self.root)?.strip_prefix('/')?;
        Path::parse(path).ok()
    }

    /// Puts an object, only if none of that name is there.
    ///
    /// # Errors
    /// The store does not take it; it may be there all the same.
    pub async fn create(
        &self,
        path: &Path,
        bytes: Bytes,
        attributes: Attributes,
    ) -> Result<Created, QueueError> {
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        match self.inner.put_opts(path, bytes.into(), options).await {
            Ok(_) => Ok(Created::New),
            Err(error) if is_there(&error) => Ok(Created::Exists),
            Err(error) => Err(self.failed(&format!("does not take {path}"), error)),
        }
    }

    /// Writes a small object twice to see that the store can be written, and whether it keeps the condition.
    ///
    /// # Errors
    /// The store cannot be reached or written, with its reason.
    pub async fn look(&self) -> Result<Condition, QueueError> {
        let path = self.path(PROBE);
        let options = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        for _ in 0..2 {
            match self.inner.put_opts(&path, Bytes::new().into(), options()).await {
                Ok(_) => {}
                Err(error) if is_there(&error) => return Ok(Condition::Kept),
                Err(error) => return Err(self.failed("cannot be written", error)),
            }
        }
        Ok(Condition::Ignored)
    }

    /// An error of this store, which may work later; `what` says what it did not do.
    #[must_use]
    pub fn failed(&self, what: &str, error: object_store::Error) -> QueueError {
        QueueError::caused(Class::Unavailable, format!("{} {what}", self.name()), error)
    }

    /// As a person would write it, without secrets.
    #[must_use]
    pub fn name(&self) -> String {
        below(&self.root, &self.prefix)
    }
}

/// Whether a put that may only create found its object.
fn is_there(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })
}

/// Two pieces of a path; one of them may be empty.
#[must_use]
pub fn below(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{prefix}/{name}"),
    }
}
