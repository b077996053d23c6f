//! The log in the data folder.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use logmill_admin::{Part, PartState, Tally};
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{Group, Topic};
use logmill_world::{Lock, LockFailure, Space, World};
use prometheus::Registry;

use super::super::parts::{ANALYTICS, FILES, LAKE, LETTER_FILE, LETTERS, group};
use crate::exit::{CONFIG, Failure, IO};
use crate::settings::Settings;

/// The file that a process holds while it works in a data folder.
const LOCK: &str = "LOCK";
const GIB: u64 = 1 << 30;
/// Dead letters and late records are few; their log's segments are small.
const SIDE_SEGMENT: u64 = 16 << 20;

/// Group commits: how many requests share one sync is what they are divided by.
pub(crate) fn syncs(registry: &Registry, queue: &Arc<EmbeddedQueue>) -> anyhow::Result<Tally> {
    let queue = queue.clone();
    let help = "Groups of frames that the queue has made durable, one fdatasync each.";
    Tally::register(registry, "queue_syncs_total", help, move || queue.syncs()).context("metrics")
}

/// The two logs of the data folder.
pub(crate) fn open(world: &World, settings: &Settings) -> anyhow::Result<Arc<EmbeddedQueue>> {
    let space = space_of(world, &settings.data_dir);
    let main = LogConfig {
        dir: settings.data_dir.join("queue").join("main"),
        partitions: u16::try_from(settings.queue.partitions).unwrap_or(u16::MAX),
        segment_bytes: u32::try_from(settings.queue.segment_bytes).unwrap_or(u32::MAX),
        max_payload: u32::try_from(settings.max_queue_payload()).unwrap_or(u32::MAX),
        retention_bytes: settings.queue.retention_bytes.unwrap_or((space.total / 10).min(50 * GIB)),
        retention_age: settings.queue.retention_age,
        reserve_bytes: settings.queue.reserve_bytes.unwrap_or((space.total / 50).min(GIB)),
        readers: readers(settings)?,
        horizon: settings.idempotency.horizon,
    };
    let side = LogConfig {
        dir: settings.data_dir.join("queue").join("side"),
        partitions: 1,
        segment_bytes: SIDE_SEGMENT.max(settings.max_queue_payload() * 4).try_into().unwrap_or(u32::MAX),
        retention_bytes: settings.dead_letters.max_bytes,
        ..main.clone()
    };
    EmbeddedQueue::start(world, settings.data_dir.join(LOCK), main, side)
        .map_err(|in_use| in_use_by(settings, in_use.pid).into())
}

/// Takes the data folder for this process, without opening the queue.
pub(crate) fn lock(world: &World, settings: &Settings) -> anyhow::Result<Box<dyn Lock>> {
    world.fs().lock(&settings.data_dir.join(LOCK)).map_err(|failure| match failure {
        LockFailure::Held(pid) => in_use_by(settings, pid).into(),
        LockFailure::Io(error) => {
            let text = format!("data_dir: cannot lock {}: {error}", settings.data_dir.display());
            Failure::new(IO, text).into()
        }
    })
}

fn in_use_by(settings: &Settings, pid: Option<u32>) -> Failure {
    let who = pid.map_or("another process".to_owned(), |pid| format!("the process {pid}"));
    let text = format!(
        "data_dir: {who} works in {} already; stop it, or use another folder (--data-dir)",
        settings.data_dir.display()
    );
    Failure::new(CONFIG, text)
}

/// The groups of the sinks that the settings give something to do, and what they read. The log keeps what they
/// have not read also while this process runs without their roles.
fn readers(settings: &Settings) -> anyhow::Result<Vec<(Group, Topic)>> {
    let topic = Topic::new(&settings.web.topic)?;
    let mut readers = Vec::new();
    if settings.files.enabled {
        readers.push((group(settings, FILES)?, topic.clone()));
    }
    if settings.aggregation.enabled {
        readers.push((group(settings, ANALYTICS)?, topic.clone()));
    }
    if settings.lake.enabled {
        readers.push((group(settings, LAKE)?, Topic::new(&settings.otlp.topic)?));
    }
    readers.push((group(settings, LETTERS)?, topic.clone()));
    if settings.dead_letters.file.is_some() {
        readers.push((group(settings, LETTER_FILE)?, Topic::new(&format!("{topic}.dlq"))?));
    }
    Ok(readers)
}

/// The file system of a folder that may not be there yet.
fn space_of(world: &World, folder: &Path) -> Space {
    let mut ancestors = folder.ancestors().filter(|path| !path.as_os_str().is_empty());
    let found = ancestors.find_map(|path| world.fs().space(path).ok());
    found.or_else(|| world.fs().space(Path::new(".")).ok()).unwrap_or(Space { free: 0, total: 0 })
}

pub(super) fn part(queue: &Arc<EmbeddedQueue>) -> Part {
    let queue = queue.clone();
    Part::new("queue", move || match queue.trouble() {
        Some(error) => PartState::Failing(error.to_string()),
        None => idle_groups(&queue).map_or(PartState::Ready, PartState::Notice),
    })
}

fn idle_groups(queue: &EmbeddedQueue) -> Option<String> {
    let groups: Vec<String> = queue.idle_groups().iter().map(|(g, t)| format!("{g} on {t}")).collect();
    let list = groups.join(", ");
    (!groups.is_empty()).then(|| format!("groups that nobody reads for keep what they have not read: {list}"))
}
