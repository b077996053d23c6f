//! The Iceberg table, wired.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logmill_queue::{QueueError, Sink};
use logmill_sink_iceberg::catalog::{Access, Catalog, RestCatalog, RestConfig, SqliteCatalog, TableName};
use logmill_sink_iceberg::rows::Window;
use logmill_sink_iceberg::{
    Compacted, Effort, IcebergSink, LakeConfig, LakeMetrics, Limits, Maintenance, Round,
};
use logmill_store::StoreConfig;
use logmill_world::World;
use prometheus::Registry;
use tokio::sync::watch;

use super::parts::STORE_TIMEOUT;
use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::settings::{CatalogKind, Role, Settings};

/// A file that was written so long ago without being committed is written again: a third of the age from which the clean-up takes
/// files that nobody names.
const REWRITE_AFTER: Duration = Duration::from_hours(24);
const MEGABYTE: u64 = 1_000_000;

/// The table is looked after so often: what there is to do depends on the commits since the last time.
const ROUND: Duration = Duration::from_mins(1);

/// The sink of the table, and who looks after the table.
pub(crate) struct Lake {
    sink: Arc<IcebergSink>,
    maintenance: Maintenance,
    metrics: LakeMetrics,
    world: World,
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
        let (table, store) = (config.table.clone(), config.store.clone());
        let maintenance = Maintenance::new(world, catalog.clone(), table, store, Limits::default());
        let sink = Arc::new(IcebergSink::new(world, catalog, config, metrics.clone()));
        Ok(Some(Self { sink, maintenance, metrics, world: world.clone() }))
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        self.sink.clone()
    }

    /// Looks after the table until `draining` turns true. What is under way then is given up, as a crash would.
    pub(super) async fn keep(self, mut draining: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = self.round() => {}
                _ = draining.wait_for(|draining| *draining) => return,
            }
        }
    }

    async fn round(&self) {
        self.world.clock().sleep(ROUND).await;
        if !self.sink.leads() {
            return;
        }
        if let Err(error) = self.tidy().await {
            tracing::warn!(%error, "the lake could not be looked after; it is tried again");
        }
    }

    async fn tidy(&self) -> Result<(), QueueError> {
        let Round { snapshots, files, merged } = self.maintenance.round().await?;
        if snapshots > 0 || merged > 0 {
            tracing::info!(
                snapshots,
                files,
                merged,
                "old snapshots of the lake were removed, small manifests merged"
            );
        }
        let done = self.maintenance.compact(Effort::Steady).await?;
        self.metrics.compacted(&done);
        if done.commits > 0 {
            let Compacted { files_before, files_after, bytes_before, bytes_after, .. } = done;
            tracing::info!(
                files_before,
                files_after,
                bytes_before,
                bytes_after,
                "small files of the lake were merged"
            );
        }
        for (day, error) in done.failures {
            tracing::warn!(day, %error, "the small files of a day could not be merged; it is tried again");
        }
        Ok(())
    }
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
        rewrite_after: REWRITE_AFTER,
    })
}

/// The catalog of the settings.
fn catalog(world: &World, settings: &Settings) -> anyhow::Result<Arc<dyn Catalog>> {
    let lake = &settings.lake;
    Ok(match lake.catalog.kind {
        CatalogKind::Sqlite => {
            let catalog = SqliteCatalog::new(world, Path::new(&lake.warehouse));
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
