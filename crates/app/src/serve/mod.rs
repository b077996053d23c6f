//! `logmill serve`: wires the rooms together, runs them, and ends them in order.

mod banner;
pub(crate) mod counting;
mod doors;
pub(crate) mod lake;
pub(crate) mod log;
pub(crate) mod parts;
mod process;
pub(crate) mod query;
pub(crate) mod raw_batches;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logmill_admin::Admin;
use logmill_world::World;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::logging;
use crate::settings::Loaded;

use doors::{Doors, Ground};
use lake::Lake;
use log::Log;
use parts::Pipelines;
use query::Queries;
use signals::Reload;

/// Loads the settings; called again for each SIGHUP.
pub(crate) type Load<'a> = &'a dyn Fn() -> anyhow::Result<Loaded>;

/// Runs until a signal ends it.
pub(crate) fn run(load: Load<'_>) -> anyhow::Result<()> {
    let loaded = load()?;
    let world = World::real();
    let settings = &loaded.settings;
    let level = logging::start(world.clone(), settings.log.level, settings.log.format);
    loaded.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    if let Some(file) = &loaded.file {
        tracing::info!(file = %file.display(), "settings were read");
    }
    signals::raise_file_limit();
    let network = runtime("net")?;
    // Sinks decode and write on threads of their own, so that they never keep a connection waiting.
    let sinks = runtime("sink")?;
    let queries = Queries::threads()?;
    let reload = Reload { load, running: settings, level: &level };
    let served = network.block_on(serve(&world, &reload, &sinks, &queries));
    queries.end();
    sinks.shutdown_timeout(Duration::from_millis(100));
    network.shutdown_timeout(Duration::from_millis(100));
    served
}

fn runtime(name: &str) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().thread_name(name).enable_all().build().context("no threads for the runtime")
}

async fn serve(world: &World, reload: &Reload<'_>, sinks: &Runtime, queries: &Queries) -> anyhow::Result<()> {
    let settings = reload.running;
    let log = Log::open(world, settings)?;
    let queue = raw_batches::around(settings, log.queue())?;
    raw_batches::look(settings)?;
    parts::check_folder(world, settings, &queue).await?;
    let registry = parts::registry(sinks)?;
    let (stop_sources, sources) = watch::channel(false);
    let (stop_sinks, draining) = watch::channel(false);
    let analytics = counting::open(world, settings, &queue)?;
    let lake = Lake::open(world, settings, &registry)?;
    let pipelines =
        Pipelines::start(world, settings, &queue, sinks, &draining, analytics.as_ref(), lake.as_ref())?;
    if let Some(lake) = lake {
        sinks.spawn(lake.keeper.keep(draining.clone()));
    }
    let (mut parts, mut deliveries) = (log.parts(), log.deliveries());
    parts.extend(pipelines.parts());
    deliveries.extend(pipelines.deliveries());
    let mut tallies = log.tallies(&registry)?;
    let mut routes = queries.routes(world, settings, &registry)?;
    if let Some(analytics) = analytics.map(Arc::new) {
        parts.push(counting::part(&analytics));
        tallies.extend(counting::tallies(&registry, &analytics)?);
        routes = routes.merge(counting::routes(world, settings, &analytics));
        sinks.spawn(analytics.keep(draining.clone()));
    }
    let admin = Admin::new(registry.clone(), parts, deliveries, tallies).context("metrics")?;
    let ground = Ground { world, settings, queue: &queue, registry: &registry };
    let doors = Doors::bind(&ground, logmill_admin::router(admin).merge(routes)).await?;
    let mut listening = doors.serve(&sources);
    signals::wait(reload).await?;
    tracing::info!("stopping: finishing what is under way");
    let finish = async {
        let _ = stop_sources.send(true);
        // A listener that panicked has nothing left to finish.
        while listening.join_next().await.is_some() {}
        let _ = stop_sinks.send(true);
        pipelines.ended().await;
    };
    let limit = settings.shutdown_timeout;
    tokio::select! {
        () = finish => tracing::info!("stopped; nothing is left under way"),
        () = world.clock().sleep(limit) => {
            tracing::warn!(seconds = limit.as_secs(), "stopped at shutdown_timeout; what is left stays in the queue");
        }
    }
    log.close().await;
    Ok(())
}
