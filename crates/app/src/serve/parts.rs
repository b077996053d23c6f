//! Settings → the rooms' own configurations, and the rooms themselves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logmill_admin::{Delivery, Part, PartState, Tally};
use logmill_dead_letters::{LetterFile, LetterStage};
use logmill_model::{Customer, Limits};
use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkStatus};
use logmill_queue::embedded::{EmbeddedQueue, LogConfig};
use logmill_queue::{Group, Queue, Sink, Topic};
use logmill_sink_files::{FilesConfig, FilesSink};
use logmill_source_http::WebConfig;
use logmill_world::{Lock, LockFailure, Space, World};
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::process::ProcessFigures;
use crate::exit::{CONFIG, Failure, IO};
use crate::settings::{Role, Settings};

/// The file that a process holds while it works in a data folder.
const LOCK: &str = "LOCK";
const GIB: u64 = 1 << 30;
/// Bytes of frames that a sink may have fetched ahead.
const READ_AHEAD: u64 = 16 << 20;
/// Dead letters and late records are few; their log's segments are small.
const SIDE_SEGMENT: u64 = 16 << 20;
/// Dead letters are for people: nobody misses them within a second, and each commit is a write to the log.
const LETTERS_INTERVAL: Duration = Duration::from_secs(1);
/// The hourly files.
const FILES: &str = "files";
/// The stage that copies rejected records.
const LETTERS: &str = "dead-letters";
/// The file that shows dead letters.
const LETTER_FILE: &str = "dead-letter-file";
/// The prefix of all consumer groups.
const GROUP: &str = "logmill";

/// A registry with the figures of the process. To be called on the runtime of the connections.
pub(crate) fn registry(sinks: &Runtime) -> anyhow::Result<Registry> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self())).context("process metrics")?;
    let runtimes = vec![("connections", Handle::current()), ("sinks", sinks.handle().clone())];
    let figures = ProcessFigures::new(runtimes).context("process metrics")?;
    registry.register(Box::new(figures)).context("process metrics")?;
    Ok(registry)
}

/// Group commits: how many requests share one sync is what they are divided by.
pub(crate) fn syncs(registry: &Registry, queue: &Arc<EmbeddedQueue>) -> anyhow::Result<Tally> {
    let queue = queue.clone();
    let help = "Groups of frames that the queue has made durable, one fdatasync each.";
    Tally::register(registry, "queue_syncs_total", help, move || queue.syncs()).context("metrics")
}

/// The two logs of the data folder.
pub(crate) fn queue(world: &World, settings: &Settings) -> anyhow::Result<Arc<EmbeddedQueue>> {
    let space = space_of(world, &settings.data_dir);
    let main = LogConfig {
        dir: settings.data_dir.join("queue").join("main"),
        partitions: u16::try_from(settings.queue.partitions).unwrap_or(u16::MAX),
        segment_bytes: u32::try_from(settings.queue.segment_bytes).unwrap_or(u32::MAX),
        max_payload: u32::try_from(settings.limits.max_batch_bytes).unwrap_or(u32::MAX),
        retention_bytes: settings.queue.retention_bytes.unwrap_or((space.total / 10).min(50 * GIB)),
        retention_age: settings.queue.retention_age,
        reserve_bytes: settings.queue.reserve_bytes.unwrap_or((space.total / 50).min(GIB)),
        readers: readers(settings)?,
        horizon: settings.idempotency.horizon,
    };
    let side = LogConfig {
        dir: settings.data_dir.join("queue").join("side"),
        partitions: 1,
        segment_bytes: SIDE_SEGMENT.max(settings.limits.max_batch_bytes * 4).try_into().unwrap_or(u32::MAX),
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
        readers.push((group(FILES)?, topic.clone()));
    }
    readers.push((group(LETTERS)?, topic.clone()));
    if settings.dead_letters.file.is_some() {
        readers.push((group(LETTER_FILE)?, Topic::new(&format!("{topic}.dlq"))?));
    }
    Ok(readers)
}

/// The file system of a folder that may not be there yet.
fn space_of(world: &World, folder: &Path) -> Space {
    let mut ancestors = folder.ancestors().filter(|path| !path.as_os_str().is_empty());
    let found = ancestors.find_map(|path| world.fs().space(path).ok());
    found.or_else(|| world.fs().space(Path::new(".")).ok()).unwrap_or(Space { free: 0, total: 0 })
}

pub(crate) fn queue_part(queue: &Arc<EmbeddedQueue>) -> Part {
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

pub(crate) fn web_config(settings: &Settings) -> anyhow::Result<WebConfig> {
    Ok(WebConfig {
        topic: Topic::new(&settings.web.topic)?,
        require_customer: settings.web.require_customer,
        max_batch_bytes: usize::try_from(settings.limits.max_batch_bytes)?,
        limits: Limits {
            max_records: settings.limits.max_batch_records,
            max_nesting: settings.limits.max_nesting,
            max_hours: settings.limits.max_hours_per_batch,
        },
        max_in_flight_bytes: settings.limits.max_in_flight_bytes,
        max_in_flight_requests: settings.limits.max_in_flight_requests.into(),
        body_timeout: settings.http.body_timeout,
    })
}

pub(crate) fn files_config(settings: &Settings) -> anyhow::Result<FilesConfig> {
    Ok(FilesConfig {
        dir: settings.files.dir.clone(),
        topic: Topic::new(&settings.web.topic)?,
        default_customer: Customer::default().as_str().to_owned(),
    })
}

struct Pipeline {
    name: &'static str,
    topic: Topic,
    group: Group,
    queue: Arc<dyn Queue>,
    sink: Arc<dyn Sink>,
    status: Arc<SinkStatus>,
    task: JoinHandle<()>,
}

/// The sinks that this process runs.
pub(crate) struct Pipelines(Vec<Pipeline>);

/// What all sinks are started with.
struct Starter<'a> {
    world: &'a World,
    settings: &'a Settings,
    queue: &'a Arc<EmbeddedQueue>,
    runtime: &'a Runtime,
    draining: &'a watch::Receiver<bool>,
}

impl Pipelines {
    pub(crate) fn start(
        world: &World,
        settings: &Settings,
        queue: &Arc<EmbeddedQueue>,
        runtime: &Runtime,
        draining: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let starter = Starter { world, settings, queue, runtime, draining };
        let topic = Topic::new(&settings.web.topic)?;
        let mut pipelines = Vec::new();
        if settings.roles.has(Role::Files) && settings.files.enabled {
            let sink = Arc::new(FilesSink::new(world.clone(), queue.clone(), files_config(settings)?));
            pipelines.push(starter.start(FILES, &topic, sink, settings.files.flush_interval)?);
        }
        if settings.roles.has(Role::DeadLetters) {
            let stage = Arc::new(LetterStage::new(starter.letters(LETTERS, &topic)?));
            pipelines.push(starter.start(LETTERS, &topic, stage, LETTERS_INTERVAL)?);
            if let Some(path) = &settings.dead_letters.file {
                let letters = Topic::new(&format!("{topic}.dlq"))?;
                let file = Arc::new(LetterFile::new(world.clone(), path.clone()));
                pipelines.push(starter.start(LETTER_FILE, &letters, file, LETTERS_INTERVAL)?);
            }
        }
        Ok(Self(pipelines))
    }

    pub(crate) fn parts(&self) -> Vec<Part> {
        let part = |pipeline: &Pipeline| {
            let status = pipeline.status.clone();
            Part::new(pipeline.name, move || status.get().into())
        };
        self.0.iter().map(part).collect()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let delivery = |pipeline: &Pipeline| Delivery {
            name: pipeline.name.to_owned(),
            topic: pipeline.topic.clone(),
            group: pipeline.group.clone(),
            queue: pipeline.queue.clone(),
            sink: pipeline.sink.clone(),
            accounts: ![LETTERS, LETTER_FILE].contains(&pipeline.name),
        };
        self.0.iter().map(delivery).collect()
    }

    /// Waits until all sinks are drained.
    pub(crate) async fn ended(self) {
        for pipeline in self.0 {
            if let Err(error) = pipeline.task.await {
                tracing::error!(%error, sink = pipeline.name, "a sink ended out of order");
            }
        }
    }
}

fn group(name: &str) -> anyhow::Result<Group> {
    Ok(Group::new(&format!("{GROUP}-{name}"))?)
}

impl Starter<'_> {
    fn letters(&self, name: &str, topic: &Topic) -> anyhow::Result<DeadLetters> {
        Ok(DeadLetters::new(self.world.clone(), self.queue.clone(), topic, &group(name)?, name)?)
    }

    fn start(
        &self,
        name: &'static str,
        topic: &Topic,
        sink: Arc<dyn Sink>,
        flush_interval: Duration,
    ) -> anyhow::Result<Pipeline> {
        let group = group(name)?;
        let queue: Arc<dyn Queue> = self.queue.clone();
        let letters = self.letters(name, topic)?;
        let spec = SinkSpec {
            group: group.clone(),
            topic: topic.clone(),
            sink: sink.clone(),
            letters,
            flush_interval,
            attempts: self.settings.dead_letters.attempts,
            shutdown_timeout: self.settings.shutdown_timeout,
            budget: READ_AHEAD,
        };
        let status = Arc::new(SinkStatus::default());
        let drain = Drain(self.draining.clone());
        let run = logmill_pipeline::run(self.world.clone(), queue.clone(), spec, status.clone(), drain);
        let task = self.runtime.spawn(run);
        Ok(Pipeline { name, topic: topic.clone(), group, queue, sink, status, task })
    }
}
