//! Catalogs: where a table's newest metadata is found, and the one step in which it changes.

mod rest;
mod sqlite;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use iceberg::spec::{Schema, SortOrder, TableMetadata, UnboundPartitionSpec};
use iceberg::{TableRequirement, TableUpdate};
use logmill_queue::{BoxFuture, Class, QueueError};

pub use rest::{Access, RestCatalog, RestConfig};
pub use sqlite::SqliteCatalog;

/// The longest metadata file or manifest list that is read, in bytes.
pub(crate) const MAX_METADATA: u64 = 256 << 20;

/// A table's place in a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The levels of the namespace, at least one.
    pub namespace: Vec<String>,
    /// The table in it.
    pub table: String,
}

impl TableName {
    /// Reads `namespace.table`; the namespace may have several levels.
    ///
    /// # Errors
    /// `Invalid`: fewer than two parts, an empty one, or characters other than letters, digits, `_` and `-`.
    pub fn parse(text: &str) -> Result<Self, QueueError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let good = parts.iter().all(|part| !part.is_empty() && part.chars().all(allowed));
        match parts.pop().filter(|_| good && !parts.is_empty()) {
            Some(table) => Ok(Self { namespace: parts, table }),
            None => Err(QueueError::new(
                Class::Invalid,
                format!("{text:?} is no table: <namespace>.<table> of letters, digits, _ and - is expected"),
            )),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace.join("."), self.table)
    }
}

/// A table as the catalog had it at one moment: what a commit is based on.
#[derive(Clone, Debug)]
pub struct Base {
    /// Everything about the table.
    pub metadata: Arc<TableMetadata>,
    /// Where that was read from.
    pub location: String,
}

/// What a new table is made of.
#[derive(Clone, Debug)]
pub struct Creation {
    /// Its columns.
    pub schema: Schema,
    /// Its partitioning.
    pub spec: UnboundPartitionSpec,
    /// The order inside of a file.
    pub order: SortOrder,
    /// Its properties.
    pub properties: HashMap<String, String>,
}

/// A change of a table: all of it or nothing.
#[derive(Clone, Debug)]
pub struct Change {
    /// What must hold of the table at that moment.
    pub requirements: Vec<TableRequirement>,
    /// What changes.
    pub updates: Vec<TableUpdate>,
}

/// What became of a change. After everything but `Committed` the table itself has to be asked.
#[derive(Debug)]
pub enum Answer {
    /// It is in the table.
    Committed,
    /// The table is not as required.
    Conflict(String),
    /// It may be in the table, or come into it later.
    Unknown(QueueError),
    /// It certainly is not in the table.
    Refused(QueueError),
}

/// A catalog, as far as this room needs it.
pub trait Catalog: Send + Sync {
    /// The table as it is now; none if there is no such table.
    ///
    /// # Errors
    /// The catalog or the metadata cannot be read (`Unavailable`, `Corrupt`), or the table is of a kind that we do not know
    /// (`Invalid`).
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>>;

    /// Makes the table, and its namespace, unless it is there.
    ///
    /// # Errors
    /// It cannot be made; the next call may find it.
    fn create<'a>(
        &'a self,
        table: &'a TableName,
        creation: Creation,
    ) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Whether metadata files are written here; with a service they are its own.
    fn writes_metadata(&self) -> bool {
        false
    }

    /// Whether the catalog keeps states of a table that the table does not show, as branches of the whole catalog. Files that the table
    /// does not name may then be needed.
    ///
    /// # Errors
    /// The catalog does not say.
    fn hides_states(&self) -> BoxFuture<'_, Result<bool, QueueError>> {
        Box::pin(async { Ok(false) })
    }

    /// Changes the table in one step, if it still is as required. Nothing is repeated here.
    fn commit<'a>(&'a self, table: &'a TableName, base: &'a Base, change: Change) -> BoxFuture<'a, Answer>;
}

/// An error of the library about what a catalog or a file holds.
pub(crate) fn corrupt(place: &str, error: iceberg::Error) -> QueueError {
    QueueError::caused(Class::Corrupt, format!("{place} cannot be read as Iceberg metadata"), error)
}
