//! `logmill serve`: wires the rooms together, runs them, and ends them in order.

mod banner;
pub(crate) mod counting;
pub(crate) mod log;
pub(crate) mod parts;
mod process;
pub(crate) mod raw_batches;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use logmill_admin::Admin;
use logmill_http::{Intake, Listener, Protocol, Timeouts};
use logmill_source_http::{WebLogs, WebMetrics};
use logmill_world::World;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::exit::{Failure, IO};
use crate::logging;
use crate::settings::{Loaded, Role};

use log::Log;
use parts::Pipelines;
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
    let served = network.block_on(serve(&world, &Reload { load, running: settings, level: &level }, &sinks));
    sinks.shutdown_timeout(Duration::from_millis(100));
    network.shutdown_timeout(Duration::from_millis(100));
    served
}

fn runtime(name: &str) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().thread_name(name).enable_all().build().context("no threads for the runtime")
}

async fn serve(world: &World, reload: &Reload<'_>, sinks: &Runtime) -> anyhow::Result<()> {
    let settings = reload.running;
    let log = Log::open(world, settings)?;
    let queue = raw_batches::around(settings, log.queue())?;
    raw_batches::look(settings)?;
    parts::check_folder(world, settings, &queue).await?;
    let registry = parts::registry(sinks)?;
    let (stop_sources, sources) = watch::channel(false);
    let (stop_sinks, draining) = watch::channel(false);
    let analytics = counting::open(world, settings, &queue)?;
    let pipelines = Pipelines::start(world, settings, &queue, sinks, &draining, analytics.as_ref())?;
    let (mut parts, mut deliveries) = (log.parts(), log.deliveries());
    parts.extend(pipelines.parts());
    deliveries.extend(pipelines.deliveries());
    let mut tallies = log.tallies(&registry)?;
    let mut routes = Router::new();
    if let Some(analytics) = analytics.map(Arc::new) {
        parts.push(counting::part(&analytics));
        tallies.extend(counting::tallies(&registry, &analytics)?);
        routes = counting::routes(world, settings, &analytics);
        sinks.spawn(analytics.keep(draining.clone()));
    }
    let admin = Admin::new(registry.clone(), parts, deliveries, tallies).context("metrics")?;
    let mut router = logmill_admin::router(admin).merge(routes);
    if settings.roles.has(Role::Ingest) {
        let metrics = WebMetrics::register(&registry).context("metrics")?;
        let web = parts::web_config(settings)?;
        let intake =
            Intake::register(world.clone(), &registry, parts::intake_config(settings)?).context("metrics")?;
        router = router.merge(logmill_source_http::router(WebLogs::new(
            world.clone(),
            queue.clone(),
            intake,
            web,
            metrics,
        )));
    }
    let timeouts = Timeouts { header: settings.http.header_timeout, idle: settings.http.idle_timeout };
    let bound = Listener::bind(world.clone(), settings.http.listen, Protocol::Http1, timeouts).await;
    let listener = bound.map_err(|error| {
        let text = format!("http.listen: cannot listen on {}: {error}", settings.http.listen);
        Failure::new(IO, text)
    })?;
    banner::print(world, settings, listener.address()?);
    let listening = tokio::spawn(listener.serve(router, sources));
    signals::wait(reload).await?;
    tracing::info!("stopping: finishing what is under way");
    let finish = async {
        let _ = stop_sources.send(true);
        // A listener that panicked has nothing left to finish.
        let _ = listening.await;
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
