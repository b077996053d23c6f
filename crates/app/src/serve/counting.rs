//! Counting, wired: the sink is one of the pipelines, the rest is here.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use logmill_admin::{Part, PartState, Tally};
use logmill_analytics::{Analytics, AnalyticsConfig, Api};
use logmill_model::Customer;
use logmill_queue::{Queue, Topic};
use logmill_world::World;
use prometheus::Registry;

use super::parts::ANALYTICS;
use crate::exit::{Failure, IO};
use crate::settings::{QueueKind, Role, Settings};

/// The topic of events about late records.
const LATE: &str = "late";

/// What counts in this process; none if nothing is to be counted here.
pub(crate) fn open(
    world: &World,
    settings: &Settings,
    queue: &Arc<dyn Queue>,
) -> anyhow::Result<Option<Analytics>> {
    let ours = &settings.aggregation;
    if !ours.enabled || !settings.roles.has(Role::Aggregate) {
        return Ok(None);
    }
    let config = AnalyticsConfig {
        dir: settings.data_dir.clone(),
        topic: Topic::new(&settings.web.topic)?,
        late: Topic::new(LATE)?,
        default_customer: Customer::default().as_str().to_owned(),
        interval: ours.interval,
        allowed_lateness: ours.allowed_lateness,
        max_keys: usize::try_from(ours.max_keys_per_window)?,
    };
    Ok(Some(Analytics::new(world.clone(), queue.clone(), config)))
}

/// What the consumer group of the counts ends with. On Kafka each process counts all partitions into its own store, so that it has a
/// group of its own, by the store's id.
pub(super) fn group_name(settings: &Settings, analytics: &Analytics) -> anyhow::Result<String> {
    if settings.queue.kind == QueueKind::Embedded {
        return Ok(ANALYTICS.to_owned());
    }
    let id = analytics.store_id();
    let id =
        id.map_err(|error| Failure::new(IO, format!("data_dir: the counts cannot be opened: {error}")))?;
    Ok(format!("{ANALYTICS}-{:08x}", u32::from_be_bytes([id[0], id[1], id[2], id[3]])))
}

/// Questions and answers, where the process has this role.
pub(super) fn routes(world: &World, settings: &Settings, analytics: &Analytics) -> Router {
    if !settings.roles.has(Role::Api) {
        return Router::new();
    }
    let max_keys = usize::try_from(settings.aggregation.max_keys_per_window).unwrap_or(usize::MAX);
    logmill_analytics::router(Api::new(world.clone(), analytics.windows(), max_keys))
}

/// Summaries and events beside the sink, which has a part of its own.
pub(super) fn part(analytics: &Arc<Analytics>) -> Part {
    let analytics = analytics.clone();
    Part::new("summaries", move || analytics.trouble().map_or(PartState::Ready, PartState::Notice))
}

pub(super) fn tallies(registry: &Registry, analytics: &Arc<Analytics>) -> anyhow::Result<Vec<Tally>> {
    let (late, runs) = (analytics.clone(), analytics.clone());
    let help = "Records that came after their window was final, each counted in its window all the same.";
    let late = Tally::register(registry, "late_records_total", help, move || late.figures().late_records);
    let help = "Commits of counts.";
    let runs = Tally::register(registry, "aggregation_runs_total", help, move || runs.figures().commits);
    Ok(vec![late.context("metrics")?, runs.context("metrics")?])
}
