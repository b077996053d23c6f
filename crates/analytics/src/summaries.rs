//! The hourly summaries: a file for each customer and hour, replaced when its counts have changed.

use std::path::PathBuf;

use logmill_model::{Customer, HourPath};
use logmill_rollup::HourKey;
use logmill_world::{World, replace};

use crate::api::json;
use crate::config::AnalyticsConfig;
use crate::question::{By, Question, Width, Window};
use crate::store::{Dirty, Store, StoreError};

/// Hours that are written before their marks are taken away.
const AT_ONCE: usize = 256;
/// Beside this a summary that is too large for memory gets fewer keys.
const FEWER: usize = 4;
const HOUR: u64 = 3600;

/// What became of a round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The last hour that was looked at; none if there was none left.
    pub last: Option<Dirty>,
    /// Why a file could not be written.
    pub failed: Option<String>,
}

/// Writes the summaries of up to 256 hours that have changed, those behind `after`.
pub(crate) fn write_some(
    world: &World,
    config: &AnalyticsConfig,
    store: &Store,
    after: Option<&Dirty>,
) -> Result<Round, StoreError> {
    let mut round = Round::default();
    let dirty = store.dirty(after, AT_ONCE)?;
    let mut written = Vec::with_capacity(dirty.len());
    for hour in &dirty {
        let bytes = render(config, store, &hour.hour)?;
        match bytes.map_or(Ok(()), |bytes| write(world, config, &hour.hour, &bytes)) {
            Ok(()) => written.push(hour.clone()),
            Err(error) => round.failed = Some(error.to_string()),
        }
    }
    store.clean(&written)?;
    round.last = dirty.last().cloned();
    Ok(round)
}

/// The bytes of a summary; none if the hour holds nothing.
fn render(config: &AnalyticsConfig, store: &Store, hour: &HourKey) -> Result<Option<Vec<u8>>, StoreError> {
    let Ok(customer) = Customer::parse(&hour.customer) else { return Ok(None) };
    let paths = window(config, store, hour, &customer, By::Path)?;
    let agents = window(config, store, hour, &customer, By::UserAgent)?;
    let (Some(paths), Some(agents)) = (paths, agents) else { return Ok(None) };
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    Ok(json::summary(&mut bytes, &paths, &agents).is_ok().then_some(bytes))
}

fn window(
    config: &AnalyticsConfig,
    store: &Store,
    hour: &HourKey,
    customer: &Customer,
    by: By,
) -> Result<Option<Window>, StoreError> {
    let from = u64::from(hour.hour) * HOUR;
    let mut limit = config.max_keys;
    loop {
        let customer = customer.clone();
        let question = Question { customer, from, to: from + HOUR, width: Width::Hour, by, limit };
        match store.answer_within(&question, u64::MAX) {
            Err(StoreError::TooLarge) if limit > 0 => limit /= FEWER,
            answer => return Ok(answer?.windows.into_iter().next()),
        }
    }
}

fn write(world: &World, config: &AnalyticsConfig, hour: &HourKey, bytes: &[u8]) -> std::io::Result<()> {
    // No record has a later time than the year 9999.
    let Some(path) = path(config, hour) else { return Ok(()) };
    if let Some(folder) = path.parent() {
        world.fs().create_dir_all(folder)?;
    }
    replace(&**world.fs(), &path, bytes)
}

/// `analytics/YYYY-MM-DD/summary_HH.json`, other customers below `analytics/<customer>/`.
fn path(config: &AnalyticsConfig, hour: &HourKey) -> Option<PathBuf> {
    let mut path = config.summaries();
    if *hour.customer != *config.default_customer {
        path.push(&*hour.customer);
    }
    let place = HourPath::new(hour.hour)?;
    Some(path.join(place.date()).join(format!("summary_{}.json", place.hour())))
}
