//! Who answers questions in SQL.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use logmill_model::Customer;
use logmill_query::{Engine, LakeSource, Limits, QueryMetrics, STACK, Sources, WebSource};
use logmill_world::World;
use prometheus::Registry;
use tokio::runtime::{Builder, Runtime};

use crate::serve::lake;
use crate::settings::{Destination, Role, Settings};

/// The threads of all questions: they never keep a connection or a sink waiting.
pub(crate) struct Queries(Runtime);

impl Queries {
    pub(crate) fn threads() -> anyhow::Result<Self> {
        let threads =
            Builder::new_multi_thread().thread_name("query").thread_stack_size(STACK).enable_all().build();
        Ok(Self(threads.context("no threads for the runtime")?))
    }

    /// Who answers by these settings.
    pub(crate) fn engine(
        &self,
        world: &World,
        settings: &Settings,
        registry: &Registry,
    ) -> anyhow::Result<Arc<Engine>> {
        let ours = &settings.query;
        let limits = Limits {
            max_rows: ours.max_rows.into(),
            timeout: ours.timeout,
            memory: usize::try_from(ours.memory)?,
            concurrency: usize::try_from(ours.concurrency)?,
            threads: available_parallelism().map_or(1, usize::from),
        };
        let metrics = QueryMetrics::register(registry).context("metrics")?;
        let sources = sources(world, settings)?;
        Ok(Engine::new(world.clone(), self.0.handle().clone(), sources, limits, metrics))
    }

    /// Questions over HTTP, where the process has this role.
    pub(in crate::serve) fn routes(
        &self,
        world: &World,
        settings: &Settings,
        registry: &Registry,
    ) -> anyhow::Result<Router> {
        if !settings.roles.has(Role::Api) {
            return Ok(Router::new());
        }
        let engine = self.engine(world, settings, registry)?;
        Ok(logmill_query::router(world.clone(), engine, settings.http.body_timeout))
    }

    /// Waits for what is asked on this thread.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.0.block_on(answer)
    }

    pub(crate) fn end(self) {
        self.0.shutdown_timeout(Duration::from_millis(100));
    }
}

fn sources(world: &World, settings: &Settings) -> anyhow::Result<Sources> {
    let mut sources = Sources::default();
    if settings.lake.enabled {
        let (catalog, config) = lake::reader(world, settings)?;
        sources.lake = Some(LakeSource { catalog, table: config.table, store: config.store });
    } else {
        let table = settings.lake.table.rsplit('.').next().unwrap_or_default();
        sources.absent.push((table.to_owned(), "lake.enabled is false".to_owned()));
    }
    match &settings.files.dir {
        Destination::Folder(dir) => {
            let default_customer = Customer::default().as_str().to_owned();
            sources.web = Some(WebSource { dir: dir.clone(), default_customer });
        }
        Destination::Store(url) => {
            let why = format!("files.dir is {url}, and only hourly files in a folder are read");
            sources.absent.push((logmill_query::WEB_LOGS.to_owned(), why));
        }
    }
    Ok(sources)
}
