//! The listeners, and what is taken in at them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use logmill_http::{Intake, IntakeConfig, Listener, Protocol, Timeouts};
use logmill_otlp::Limits as OtlpLimits;
use logmill_queue::{Queue, Topic};
use logmill_source_http::{WebLogs, WebMetrics};
use logmill_source_otlp::{OtlpConfig, OtlpLogs, OtlpMetrics};
use logmill_world::World;
use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::banner::{self, Addresses};
use super::parts;
use crate::exit::{Failure, IO};
use crate::settings::{Role, Settings};

/// What the doors stand on.
pub(super) struct Ground<'a> {
    pub(super) world: &'a World,
    pub(super) settings: &'a Settings,
    pub(super) queue: &'a Arc<dyn Queue>,
    pub(super) registry: &'a Registry,
}

/// Listeners that are bound, each with what it serves.
pub(super) struct Doors(Vec<(Listener, Router)>);

impl Doors {
    /// Binds all addresses. `router` is what `http.listen` serves beside logs.
    pub(super) async fn bind(ground: &Ground<'_>, mut router: Router) -> anyhow::Result<Self> {
        let settings = ground.settings;
        let (web, otlp) = (settings.roles.has(Role::Ingest), settings.roles.has(Role::Otlp));
        let (mut over_http, mut over_grpc) = (None, None);
        if web || otlp {
            let intake = ground.intake()?;
            if web {
                router = router.merge(logmill_source_http::router(ground.web(&intake)?));
            }
            if otlp {
                let logs = ground.otlp(intake)?;
                let http = logmill_source_otlp::http_router(logs.clone());
                router = router.merge(http.clone());
                let listen = &settings.otlp;
                over_http =
                    ground.open("otlp.http_listen", listen.http_listen, Protocol::Http1, http).await?;
                let grpc = logmill_source_otlp::grpc_router(logs);
                over_grpc =
                    ground.open("otlp.grpc_listen", listen.grpc_listen, Protocol::Http2, grpc).await?;
            }
        }
        let main = ground.open("http.listen", Some(settings.http.listen), Protocol::Http1, router).await?;
        let address = |door: &Option<(Listener, Router)>| {
            door.as_ref().map(|(listener, _)| listener.address()).transpose()
        };
        if let Some(main) = address(&main)? {
            let (otlp_http, otlp_grpc) = (address(&over_http)?, address(&over_grpc)?);
            banner::print(ground.world, settings, &Addresses { main, otlp_http, otlp_grpc });
        }
        Ok(Self([main, over_http, over_grpc].into_iter().flatten().collect()))
    }

    /// Serves until `drain` turns true; the tasks end when all requests have.
    pub(super) fn serve(self, drain: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut serving = JoinSet::new();
        for (listener, router) in self.0 {
            serving.spawn(listener.serve(router, drain.clone()));
        }
        serving
    }
}

impl Ground<'_> {
    /// What comes in at all doors together.
    fn intake(&self) -> anyhow::Result<Arc<Intake>> {
        let limits = &self.settings.limits;
        let config = IntakeConfig {
            max_bytes: usize::try_from(limits.max_batch_bytes)?,
            max_in_flight_bytes: limits.max_in_flight_bytes,
            max_in_flight_requests: limits.max_in_flight_requests.into(),
            timeout: self.settings.http.body_timeout,
        };
        Intake::register(self.world.clone(), self.registry, config).context("metrics")
    }

    fn web(&self, intake: &Arc<Intake>) -> anyhow::Result<Arc<WebLogs>> {
        let metrics = WebMetrics::register(self.registry).context("metrics")?;
        let (queue, config) = (self.queue.clone(), parts::web_config(self.settings)?);
        Ok(WebLogs::new(self.world.clone(), queue, intake.clone(), config, metrics))
    }

    fn otlp(&self, intake: Arc<Intake>) -> anyhow::Result<Arc<OtlpLogs>> {
        let metrics = OtlpMetrics::register(self.registry).context("metrics")?;
        let limits = OtlpLimits { max_nesting: self.settings.limits.max_nesting, ..OtlpLimits::default() };
        let max_records = self.settings.limits.max_batch_records;
        let config = OtlpConfig { topic: Topic::new(&self.settings.otlp.topic)?, limits, max_records };
        Ok(OtlpLogs::new(self.world.clone(), self.queue.clone(), intake, config, metrics))
    }

    /// Binds an address, if there is one.
    async fn open(
        &self,
        name: &str,
        address: Option<SocketAddr>,
        protocol: Protocol,
        router: Router,
    ) -> anyhow::Result<Option<(Listener, Router)>> {
        let Some(address) = address else { return Ok(None) };
        let http = &self.settings.http;
        let timeouts = Timeouts { header: http.header_timeout, idle: http.idle_timeout };
        let bound = Listener::bind(self.world.clone(), address, protocol, timeouts).await;
        let listener = bound.map_err(|error| {
            let off = if name == "http.listen" { "" } else { "; with an empty address it is off" };
            Failure::new(IO, format!("{name}: cannot listen on {address}: {error}{off}"))
        })?;
        Ok(Some((listener, router)))
    }
}
