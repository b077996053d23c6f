//! The Iceberg table, wired.

mod keep;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logmill_queue::{QueueError, Sink};
use logmill_sink_iceberg::catalog::{Access, Catalog, RestCatalog, RestConfig, SqliteCatalog, TableName};
use logmill_sink_iceberg::rows::Window;
use logmill_sink_iceberg::{IcebergSink, LakeConfig, LakeMetrics, Limits, Maintenance};
use logmill_store::StoreConfig;
use logmill_world::World;
use prometheus::Registry;

use super::parts::STORE_TIMEOUT;
use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::settings::{CatalogKind, LakeOrphans, Role, Settings};
use keep::Keeper;

/// A file that was written so long ago is no longer committed: a third of the least age at which the clean-up of any process takes
/// files that nothing names.
const COMMIT_WITHIN: Duration = Duration::from_secs(LakeOrphans::LEAST.as_secs() / 3);
const MEGABYTE: u64 = 1_000_000;

/// The table, if it is written here.
pub(crate) struct Lake {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) keeper: Keeper,
}

impl Lake {
    /// None if no table is to be written here.
    pub(super) fn open(
        world: &World,
        settings: &Settings,
        registry: &Registry,
    ) -> anyhow::Result<Option<Self>> {
        if !settings.roles.has(Role::Lake) || !settings.lake.enabled {
            return Ok(None);
        }
        let metrics = LakeMetrics::register(registry, world).context("metrics")?;
        let (catalog, config) = (catalog(world, settings)?, config(settings)?);
        let maintenance = maintenance(world, &catalog, &config, limits(settings));
        let sink = Arc::new(IcebergSink::new(world, catalog, config, metrics.clone()));
        let older_than = Some(settings.lake.orphans.older_than).filter(|age| !age.is_zero());
        let keeper = Keeper { sink: sink.clone(), maintenance, metrics, world: world.clone(), older_than };
        Ok(Some(Self { sink, keeper }))
    }
}

/// Who looks after the table of the settings, and its name.
pub(crate) fn keeper(
    world: &World,
    settings: &Settings,
    limits: Limits,
) -> anyhow::Result<(Maintenance, TableName)> {
    let (catalog, config) = (catalog(world, settings)?, config(settings)?);
    Ok((maintenance(world, &catalog, &config, limits), config.table))
}

/// What is kept of the table's past.
pub(crate) fn limits(settings: &Settings) -> Limits {
    let snapshots = &settings.lake.snapshots;
    Limits {
        keep_for: snapshots.keep_for,
        keep_at_least: usize::try_from(snapshots.keep_at_least).unwrap_or(usize::MAX),
        keep_at_most: usize::try_from(snapshots.keep_at_most).unwrap_or(usize::MAX),
        commit_within: COMMIT_WITHIN,
        ..Limits::default()
    }
}

fn maintenance(
    world: &World,
    catalog: &Arc<dyn Catalog>,
    config: &LakeConfig,
    limits: Limits,
) -> Maintenance {
    Maintenance::new(world, catalog.clone(), config.table.clone(), config.store.clone(), limits)
}

/// Asks the REST catalog for the table: what is wrong is said here, and not at the first commit.
pub(crate) async fn reach(world: &World, settings: &Settings) -> anyhow::Result<String> {
    let (catalog, config) = (catalog(world, settings)?, config(settings)?);
    let uri = &settings.lake.catalog.uri;
    let failed = |error| Failure::new(UNAVAILABLE, format!("lake.catalog.uri: {uri}: {error}"));
    let table = &config.table;
    Ok(match catalog.load(table).await.map_err(failed)? {
        Some(base) => format!("{uri}: the table {table} lies at {}", base.metadata.location()),
        None => format!("{uri}: there is no table {table} yet; `logmill serve` makes it"),
    })
}

fn config(settings: &Settings) -> anyhow::Result<LakeConfig> {
    let lake = &settings.lake;
    Ok(LakeConfig {
        table: TableName::parse(&lake.table).map_err(|error| refused("lake.table", &error))?,
        window: Window { past: lake.time.past, future: lake.time.future },
        store: StoreConfig {
            // The table's location says where its files are.
            url: String::new(),
            endpoint: lake.s3.endpoint.clone(),
            region: lake.s3.region.clone(),
            access_key: lake.s3.access_key.clone(),
            secret_key: lake.s3.secret_key.clone(),
            timeout: STORE_TIMEOUT,
        },
        memory_bytes: lake.memory,
        flush_size: u64::from(lake.flush.size_mb) * MEGABYTE,
        rewrite_after: COMMIT_WITHIN,
    })
}

/// The catalog for who only reads, and what else is to be known of the table.
#[cfg(feature = "query")]
pub(crate) fn reader(world: &World, settings: &Settings) -> anyhow::Result<(Arc<dyn Catalog>, LakeConfig)> {
    Ok((catalog_with(world, settings, SqliteCatalog::reader)?, config(settings)?))
}

/// The catalog of the settings.
fn catalog(world: &World, settings: &Settings) -> anyhow::Result<Arc<dyn Catalog>> {
    catalog_with(world, settings, SqliteCatalog::new)
}

fn catalog_with(
    world: &World,
    settings: &Settings,
    open: fn(&World, &Path) -> Result<SqliteCatalog, QueueError>,
) -> anyhow::Result<Arc<dyn Catalog>> {
    let lake = &settings.lake;
    Ok(match lake.catalog.kind {
        CatalogKind::Sqlite => {
            let catalog = open(world, Path::new(&lake.warehouse));
            Arc::new(catalog.map_err(|error| refused("lake.warehouse", &error))?)
        }
        CatalogKind::Rest => {
            let config = RestConfig {
                uri: lake.catalog.uri.clone(),
                warehouse: lake.warehouse.clone(),
                access: access(settings),
            };
            let catalog = RestCatalog::new(world, config);
            Arc::new(catalog.map_err(|error| refused("lake.catalog.uri", &error))?)
        }
    })
}

fn access(settings: &Settings) -> Access {
    let catalog = &settings.lake.catalog;
    match catalog.credential.split_once(':') {
        _ if !catalog.token.is_empty() => Access::Bearer(catalog.token.clone()),
        Some((id, secret)) => Access::Credentials {
            server: String::new(),
            id: id.to_owned(),
            secret: secret.to_owned(),
            scope: String::new(),
        },
        None => Access::Open,
    }
}

fn refused(setting: &str, error: &QueueError) -> Failure {
    Failure::new(CONFIG, format!("{setting}: {error}"))
}
