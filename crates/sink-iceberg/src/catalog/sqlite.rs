//! A catalog in one SQLite file, for tables in a local folder.
//!
//! The tables are those of PyIceberg's `SqlCatalog` and of Java's `JdbcCatalog` (schema version 1), so that both open the file as
//! it is. The metadata file and the folders above it are durable before the row names it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use iceberg::spec::{FormatVersion, MetadataLog, TableMetadata, TableMetadataBuilder};
use logmill_queue::{BoxFuture, Class, QueueError};
use logmill_store::StoreConfig;
use logmill_world::World;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{Answer, Base, Catalog, Change, Creation, MAX_METADATA, TableName, corrupt};
use crate::storage::Storage;

/// The name under which the rows stand; whoever opens the file has to give it.
pub(super) const CATALOG_NAME: &str = "logmill";
/// The file in the folder.
const FILE: &str = "catalog.db";
/// How long somebody else may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);
/// With a rollback journal only `EXTRA` syncs the folder after the commit; `FULL` may lose the last one.
const SETUP: &str = "
    PRAGMA journal_mode = DELETE;
    PRAGMA synchronous = EXTRA;
    CREATE TABLE IF NOT EXISTS iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL,
        table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000),
        previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name)
    );
    CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL,
        namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000) NOT NULL,
        PRIMARY KEY (catalog_name, namespace, property_key)
    );";

/// A catalog in `<folder>/catalog.db`, with its tables in `<folder>/<namespace>/<table>`.
pub struct SqliteCatalog {
    world: World,
    root: PathBuf,
    storage: Storage,
    reads_only: bool,
    /// Opened at the first use, so that a folder that cannot be written yet is tried again.
    connection: Arc<Mutex<Option<Connection>>>,
}

impl SqliteCatalog {
    /// The catalog of a folder. Nothing is touched yet.
    ///
    /// # Errors
    /// `Invalid`: a path that cannot hold a lake.
    pub fn new(world: &World, folder: &Path) -> Result<Self, QueueError> {
        let root = std::path::absolute(folder).map_err(|e| QueueError::io("the lake's folder", e))?;
        let storage = Storage::of(world, &format!("file://{}", root.display()), &StoreConfig::default())?;
        Ok(Self { world: world.clone(), root, storage, reads_only: false, connection: Arc::default() })
    }

    /// The same for who only reads: no folder, file or table is made, and a folder without a catalog has no tables.
    ///
    /// # Errors
    /// As `new`.
    pub fn reader(world: &World, folder: &Path) -> Result<Self, QueueError> {
        Ok(Self { reads_only: true, ..Self::new(world, folder)? })
    }

    /// Runs statements beside the async threads.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let (world, root, shared) = (self.world.clone(), self.root.clone(), self.connection.clone());
        let open = if self.reads_only { open_to_read } else { open };
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = match &mut *connection {
                Some(connection) => connection,
                none => none.insert(open(&world, &root)?),
            };
            job(connection).map_err(|error| failed(&root, error))
        });
        done.await.unwrap_or_else(|panicked| {
            Err(QueueError::caused(Class::Bug, "a statement of the lake's catalog", panicked))
        })
    }

    /// Whether there is a catalog.
    async fn is_there(&self) -> Result<bool, QueueError> {
        let (world, path) = (self.world.clone(), self.root.join(FILE));
        let place = path.display().to_string();
        let looked = tokio::task::spawn_blocking(move || world.fs().exists(&path)).await;
        looked
            .unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
            .map_err(|e| QueueError::io(place, e))
    }

    async fn location(&self, table: &TableName) -> Result<Option<String>, QueueError> {
        let (namespace, name) = (table.namespace.join("."), table.table.clone());
        if self.reads_only && !self.is_there().await? {
            return Ok(None);
        }
        self.run(move |connection| {
            let sql = "SELECT metadata_location FROM iceberg_tables
                 WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let row = statement.query_row(params![CATALOG_NAME, namespace, name], |row| row.get(0));
            Ok(row.optional()?.flatten())
        })
        .await
    }

    async fn read(&self, location: String) -> Result<Base, QueueError> {
        if location.ends_with(".gz.metadata.json") {
            let reason = format!(
                "{location} is compressed: set the table's write.metadata.compression-codec to none with the engine that changed it"
            );
            return Err(QueueError::new(Class::Invalid, reason));
        }
        let bytes = self.storage.get(&location, MAX_METADATA).await?;
        let metadata: TableMetadata = serde_json::from_slice(&bytes).map_err(|error| {
            QueueError::caused(Class::Corrupt, format!("{location} is no table metadata"), error)
        })?;
        Ok(Base { metadata: Arc::new(metadata), location })
    }

    async fn write(&self, metadata: &TableMetadata, version: u64) -> Result<String, QueueError> {
        let id = uuid::Builder::from_random_bytes(self.world.random_id()).into_uuid();
        let location = format!("{}/metadata/{version:05}-{id}.metadata.json", metadata.location());
        let bytes = serde_json::to_vec(metadata).map_err(|error| {
            QueueError::caused(Class::Bug, format!("{location} cannot be written"), error)
        })?;
        self.storage.put(&location, Bytes::from(bytes)).await?;
        Ok(location)
    }

    async fn make(&self, table: &TableName, creation: Creation) -> Result<(), QueueError> {
        let folder = table.namespace.iter().fold(self.root.clone(), |path, level| path.join(level));
        let location = format!("file://{}", folder.join(&table.table).display());
        let built = TableMetadataBuilder::new(
            creation.schema,
            creation.spec,
            creation.order,
            location.clone(),
            FormatVersion::V2,
            creation.properties,
        );
        let built = built.and_then(TableMetadataBuilder::build);
        let metadata = built.map_err(|error| corrupt(&location, error))?.metadata;
        let written = self.write(&metadata, 0).await?;
        let (namespace, name) = (table.namespace.join("."), table.table.clone());
        self.run(move |connection| {
            let change = connection.transaction()?;
            change.execute(
                "INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?1, ?2, 'exists', 'true')",
                params![CATALOG_NAME, namespace],
            )?;
            change.execute(
                "INSERT OR IGNORE INTO iceberg_tables VALUES (?1, ?2, ?3, ?4, NULL, 'TABLE')",
                params![CATALOG_NAME, namespace, name, written],
            )?;
            change.commit()
        })
        .await
    }

    async fn apply(&self, table: &TableName, base: &Base, change: Change) -> Answer {
        let met = change.requirements.iter().try_for_each(|must| must.check(Some(&base.metadata)));
        if let Err(error) = met {
            return Answer::Conflict(error.to_string());
        }
        let (metadata, freed) = match build(base, change) {
            Ok(built) => built,
            Err(error) => return Answer::Refused(corrupt(&base.location, error)),
        };
        let location = match self.write(&metadata, version(&base.location) + 1).await {
            Ok(location) => location,
            Err(error) => return Answer::Refused(error),
        };
        let answer = self.swap(table, base.location.clone(), location).await;
        if matches!(answer, Answer::Committed) {
            self.forget(&metadata, freed).await;
        }
        answer
    }

    async fn swap(&self, table: &TableName, from: String, to: String) -> Answer {
        let (namespace, name) = (table.namespace.join("."), table.table.clone());
        let changed = self.run(move |connection| {
            let sql = "UPDATE iceberg_tables SET metadata_location = ?1, previous_metadata_location = ?2
                 WHERE catalog_name = ?3 AND table_namespace = ?4 AND table_name = ?5 AND metadata_location = ?2";
            connection.prepare_cached(sql)?.execute(params![to, from, CATALOG_NAME, namespace, name])
        });
        match changed.await {
            Ok(1) => Answer::Committed,
            Ok(_) => Answer::Conflict("the table has changed meanwhile".to_owned()),
            Err(error) => Answer::Unknown(error),
        }
    }

    /// Removes metadata files that the table no longer names, where its properties ask for that. What stays is only space.
    async fn forget(&self, metadata: &TableMetadata, freed: Vec<MetadataLog>) {
        if metadata.properties().get(crate::table::DELETE_OLD_METADATA).is_some_and(|value| value == "true") {
            for old in freed {
                if let Err(error) = self.storage.delete(&old.metadata_file).await {
                    tracing::warn!(%error, "an old metadata file of the lake stays");
                }
            }
        }
    }
}

impl Catalog for SqliteCatalog {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Base>, QueueError>> {
        Box::pin(async move {
            match self.location(table).await? {
                Some(location) => self.read(location).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn create<'a>(
        &'a self,
        table: &'a TableName,
        creation: Creation,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.make(table, creation))
    }

    fn writes_metadata(&self) -> bool {
        true
    }

    fn commit<'a>(&'a self, table: &'a TableName, base: &'a Base, change: Change) -> BoxFuture<'a, Answer> {
        Box::pin(self.apply(table, base, change))
    }
}

fn open(world: &World, root: &Path) -> Result<Connection, QueueError> {
    world.fs().create_dir_all(root).map_err(|error| QueueError::io(format!("{}", root.display()), error))?;
    let opened = Connection::open(root.join(FILE)).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(SETUP)?;
        Ok(connection)
    });
    let connection = opened.map_err(|error| failed(root, error))?;
    world.fs().sync_dir(root).map_err(|error| QueueError::io(format!("{}", root.display()), error))?;
    Ok(connection)
}

/// SQLite itself may have to undo what a process left that was killed in the middle of a commit, so that the file is opened for writing.
fn open_to_read(_: &World, root: &Path) -> Result<Connection, QueueError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(root.join(FILE), flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    });
    opened.map_err(|error| failed(root, error))
}

fn failed(root: &Path, error: rusqlite::Error) -> QueueError {
    QueueError::caused(Class::Unavailable, format!("{}", root.join(FILE).display()), error)
}

fn build(base: &Base, change: Change) -> iceberg::Result<(TableMetadata, Vec<MetadataLog>)> {
    let mut builder = (*base.metadata).clone().into_builder(Some(base.location.clone()));
    for update in change.updates {
        builder = update.apply(builder)?;
    }
    let built = builder.build()?;
    Ok((built.metadata, built.expired_metadata_logs))
}

/// The number that a metadata file's name begins with; names of strangers count as 0.
fn version(location: &str) -> u64 {
    let name = location.rsplit('/').next().unwrap_or_default();
    let number = name.split('-').next().unwrap_or_default();
    number.parse().unwrap_or(0).min(u64::MAX - 1)
}
