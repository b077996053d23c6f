//! The settings of the Iceberg table.

use std::time::Duration;

use super::S3;

/// Who keeps what an Iceberg table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CatalogKind {
    /// A SQLite file in the warehouse.
    #[default]
    Sqlite,
    /// A service that speaks Iceberg's REST protocol.
    Rest,
}

/// An Iceberg catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalog {
    /// Which kind.
    pub(crate) kind: CatalogKind,
    /// Where the service is, what stands before `/v1`; empty is none.
    pub(crate) uri: String,
    /// Bearer token; empty is none.
    pub(crate) token: String,
    /// OAuth2 client and its secret, with a colon between them; empty is none.
    pub(crate) credential: String,
}

/// When rows are committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeFlush {
    /// Payload in millions of bytes, of all partitions together.
    pub(crate) size_mb: u32,
    /// The longest time from reading a record to its commit.
    pub(crate) interval: Duration,
}

/// Times of records that are taken as they are, around the time of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeTime {
    /// Before it.
    pub(crate) past: Duration,
    /// After it.
    pub(crate) future: Duration,
}

/// Which snapshots stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeSnapshots {
    /// Those that are younger.
    pub(crate) keep_for: Duration,
    /// So many of the newest ones.
    pub(crate) keep_at_least: u32,
    /// More of them do not, however young.
    pub(crate) keep_at_most: u32,
}

/// Files that nothing names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeOrphans {
    /// The age from which they are removed; zero: they stay.
    pub(crate) older_than: Duration,
}

impl LakeOrphans {
    /// The least age: what a commit is about to name is far younger.
    pub(crate) const LEAST: Duration = Duration::from_hours(24);
}

/// OpenTelemetry logs in an Iceberg table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lake {
    /// Whether it is written.
    pub(crate) enabled: bool,
    /// Namespace and table, with a dot between them.
    pub(crate) table: String,
    /// The catalog.
    pub(crate) catalog: Catalog,
    /// The table's folder, or the name of the REST catalog's warehouse.
    pub(crate) warehouse: String,
    /// The store of the table's files, if they are not in a folder.
    pub(crate) s3: S3,
    /// When rows are committed.
    pub(crate) flush: LakeFlush,
    /// Bytes of rows that wait for their commit.
    pub(crate) memory: u64,
    /// Times that are taken as they are.
    pub(crate) time: LakeTime,
    /// Which snapshots stay.
    pub(crate) snapshots: LakeSnapshots,
    /// Files that nothing names.
    pub(crate) orphans: LakeOrphans,
}
