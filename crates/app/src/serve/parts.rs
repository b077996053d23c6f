//! Settings → the rooms' own configurations, and the rooms themselves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use logmill_admin::{Delivery, Part};
use logmill_analytics::Analytics;
use logmill_dead_letters::{LetterFile, LetterStage};
use logmill_model::{Customer, Limits};
use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkStatus, Turns};
use logmill_queue::{Group, Queue, Sink, SinkError, Topic};
use logmill_sink_files::objects::{Codec, ObjectSink, ObjectsConfig};
use logmill_sink_files::{FilesConfig, FilesSink};
use logmill_source_http::WebConfig;
use logmill_store::{Store, StoreConfig};
use logmill_world::World;
use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::counting;
use super::lake::Lake;
use super::process::ProcessFigures;
use crate::exit::{CONFIG, Failure};
use crate::settings::{Destination, ObjectCodec, QueueKind, Role, S3, Settings};

/// Bytes of frames that a sink may have fetched ahead.
const READ_AHEAD: u64 = 16 << 20;
/// How long a start waits for brokers before it goes on without them.
const LOOK_LIMIT: Duration = Duration::from_secs(1);
/// How long an object store may take to answer one request.
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Dead letters are for people: nobody misses them within a second, and each commit is a write to the log.
const LETTERS_INTERVAL: Duration = Duration::from_secs(1);
/// The hourly files.
pub(super) const FILES: &str = "files";
/// The counts.
pub(super) const ANALYTICS: &str = "analytics";
/// The Iceberg table.
pub(super) const LAKE: &str = "lake";
/// The stage that copies rejected records.
pub(super) const LETTERS: &str = "dead-letters";
/// The file that shows dead letters.
pub(super) const LETTER_FILE: &str = "dead-letter-file";
/// All sinks, by the names that their groups end with.
#[cfg(feature = "kafka")]
pub(crate) const SINKS: [&str; 4] = [FILES, LAKE, LETTERS, LETTER_FILE];
/// The prefix of all consumer groups of the embedded log.
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

pub(crate) fn web_config(settings: &Settings) -> anyhow::Result<WebConfig> {
    Ok(WebConfig {
        topic: Topic::new(&settings.web.topic)?,
        require_customer: settings.web.require_customer,
        limits: Limits {
            max_records: settings.limits.max_batch_records,
            max_nesting: settings.limits.max_nesting,
            max_hours: settings.limits.max_hours_per_batch,
        },
    })
}

/// The sink of the hourly files in a folder.
pub(crate) fn folder_sink(
    world: &World,
    settings: &Settings,
    queue: &Arc<dyn Queue>,
    folder: &Path,
) -> anyhow::Result<FilesSink> {
    let config = FilesConfig {
        dir: folder.to_path_buf(),
        topic: Topic::new(&settings.web.topic)?,
        group: group(settings, FILES)?,
        default_customer: Customer::default().as_str().to_owned(),
    };
    Ok(FilesSink::new(world.clone(), queue.clone(), config))
}

/// The object store that a setting names.
pub(crate) fn store(setting: &str, url: &str, s3: &S3) -> anyhow::Result<Store> {
    let store = StoreConfig {
        url: url.to_owned(),
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key: s3.access_key.clone(),
        secret_key: s3.secret_key.clone(),
        timeout: STORE_TIMEOUT,
    };
    Ok(Store::open(&store).map_err(|error| Failure::new(CONFIG, format!("{setting}: {error}")))?)
}

fn object_sink(settings: &Settings, url: &str) -> anyhow::Result<ObjectSink> {
    let files = &settings.files;
    let config = ObjectsConfig {
        topic: Topic::new(&settings.web.topic)?,
        group: group(settings, FILES)?,
        default_customer: Customer::default().as_str().to_owned(),
        bytes: usize::try_from(files.object_bytes)?,
        codec: match files.object_codec {
            ObjectCodec::Zstd => Codec::Zstd,
            ObjectCodec::Gzip => Codec::Gzip,
        },
    };
    Ok(ObjectSink::new(store("files.dir", url, &files.s3)?, config))
}

/// The sink of the hourly files, and how often it writes.
fn files_sink(
    world: &World,
    settings: &Settings,
    queue: &Arc<dyn Queue>,
) -> anyhow::Result<(Arc<dyn Sink>, Duration)> {
    Ok(match &settings.files.dir {
        Destination::Folder(folder) => {
            (Arc::new(folder_sink(world, settings, queue, folder)?), settings.files.flush_interval)
        }
        Destination::Store(url) => (Arc::new(object_sink(settings, url)?), settings.files.object_interval),
    })
}

/// Ends the start if the group's hourly files lie in another folder. Brokers that are away are no reason to: the sink looks
/// again when it is opened.
pub(crate) async fn check_folder(
    world: &World,
    settings: &Settings,
    queue: &Arc<dyn Queue>,
) -> anyhow::Result<()> {
    let runs = settings.roles.has(Role::Files) && settings.files.enabled;
    let Some(folder) = settings.files.dir.folder().filter(|_| runs) else { return Ok(()) };
    let sink = folder_sink(world, settings, queue, folder)?;
    let found = tokio::select! {
        found = sink.look_for_others() => found,
        () = world.clock().sleep(LOOK_LIMIT) => Ok(()),
    };
    match found {
        Err(SinkError::Stop(error)) => Err(Failure::new(CONFIG, format!("files.dir: {error}")).into()),
        Ok(()) | Err(SinkError::Unavailable(_)) => Ok(()),
    }
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
    queue: &'a Arc<dyn Queue>,
    runtime: &'a Runtime,
    draining: &'a watch::Receiver<bool>,
    turns: Turns,
}

impl Pipelines {
    pub(crate) fn start(
        world: &World,
        settings: &Settings,
        queue: &Arc<dyn Queue>,
        runtime: &Runtime,
        draining: &watch::Receiver<bool>,
        analytics: Option<&Analytics>,
        lake: Option<&Lake>,
    ) -> anyhow::Result<Self> {
        let starter = Starter { world, settings, queue, runtime, draining, turns: Turns::default() };
        let topic = Topic::new(&settings.web.topic)?;
        let mut pipelines = Vec::new();
        if settings.roles.has(Role::Files) && settings.files.enabled {
            let (sink, interval) = files_sink(world, settings, queue)?;
            pipelines.push(starter.start(FILES, &topic, sink, interval)?);
        }
        if let Some(analytics) = analytics {
            let interval = settings.aggregation.flush_interval;
            let name = counting::group_name(settings, analytics)?;
            let group = group(settings, &name)?;
            pipelines.push(starter.start_in(group, ANALYTICS, &topic, analytics.sink(), interval)?);
        }
        if let Some(lake) = lake {
            let topic = Topic::new(&settings.otlp.topic)?;
            pipelines.push(starter.start(LAKE, &topic, lake.sink.clone(), settings.lake.flush.interval)?);
        }
        if settings.roles.has(Role::DeadLetters) {
            pipelines.push(starter.start(LETTERS, &topic, Arc::new(LetterStage), LETTERS_INTERVAL)?);
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
            sink: (![LETTERS, LETTER_FILE].contains(&pipeline.name)).then(|| pipeline.sink.clone()),
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

/// The consumer group of a sink: a fixed name that no change of roles changes.
pub(crate) fn group(settings: &Settings, name: &str) -> anyhow::Result<Group> {
    let prefix = match settings.queue.kind {
        QueueKind::Embedded => GROUP,
        QueueKind::Kafka => &settings.queue.kafka.group,
    };
    Ok(Group::new(&format!("{prefix}-{name}"))?)
}

impl Starter<'_> {
    fn start(
        &self,
        name: &'static str,
        topic: &Topic,
        sink: Arc<dyn Sink>,
        flush_interval: Duration,
    ) -> anyhow::Result<Pipeline> {
        self.start_in(group(self.settings, name)?, name, topic, sink, flush_interval)
    }

    fn start_in(
        &self,
        group: Group,
        name: &'static str,
        topic: &Topic,
        sink: Arc<dyn Sink>,
        flush_interval: Duration,
    ) -> anyhow::Result<Pipeline> {
        let queue = self.queue.clone();
        let letters = DeadLetters::new(self.world.clone(), queue.clone(), topic, &group, name)?;
        let spec = SinkSpec {
            group: group.clone(),
            topic: topic.clone(),
            sink: sink.clone(),
            letters,
            flush_interval,
            attempts: self.settings.dead_letters.attempts,
            shutdown_timeout: self.settings.shutdown_timeout,
            budget: READ_AHEAD,
            turns: self.turns.clone(),
        };
        let status = Arc::new(SinkStatus::default());
        let drain = Drain(self.draining.clone());
        let run = logmill_pipeline::run(self.world.clone(), queue.clone(), spec, status.clone(), drain);
        let task = self.runtime.spawn(run);
        Ok(Pipeline { name, topic: topic.clone(), group, queue, sink, status, task })
    }
}
