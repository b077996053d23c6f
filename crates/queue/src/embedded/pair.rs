//! The queue of a data folder: the main log, and a second one for small topics that live long.
//!
//! It can be had before its files can: until they are open, appends are refused with the reason.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use logmill_world::{Lock, LockFailure, World};

use super::config::LogConfig;
use super::log::{EmbeddedLog, Opened};
use crate::contract::{
    Append, AppendError, Appended, BoxFuture, Class, Committed, Depth, Group, LogId, Offset, Partition,
    Queue, QueueError, QueueLimits, Scan, Start, StartError, Subscription, Topic,
};

/// How often opening is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Another process works in the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// Its pid, if it could be read.
    pub pid: Option<u32>,
}

struct Open {
    main: EmbeddedLog,
    side: EmbeddedLog,
    _lock: Box<dyn Lock>,
}

/// Both logs of a data folder.
pub struct EmbeddedQueue {
    world: World,
    lock: PathBuf,
    main: LogConfig,
    side: LogConfig,
    open: OnceLock<Open>,
    trouble: Mutex<QueueError>,
}

/// Whether a topic is kept in the second log: its frames outlive what the main log's retention keeps.
fn is_side(topic: &Topic) -> bool {
    topic.as_str().ends_with(".dlq") || topic.as_str() == "late"
}

impl EmbeddedQueue {
    /// Opens both logs, or goes on trying in the background.
    ///
    /// # Errors
    /// Another process holds the lock.
    pub fn start(world: &World, lock: PathBuf, main: LogConfig, side: LogConfig) -> Result<Arc<Self>, InUse> {
        let starting = QueueError::new(Class::Unavailable, "the queue is being opened");
        let queue = Arc::new(Self {
            world: world.clone(),
            lock,
            main,
            side,
            open: OnceLock::new(),
            trouble: Mutex::new(starting),
        });
        if !queue.try_open()? {
            let waiting = queue.clone();
            let job = async move {
                loop {
                    waiting.world.clock().sleep(AGAIN).await;
                    // A lock that somebody else took meanwhile is one more reason to wait.
                    if waiting.try_open().unwrap_or(false) {
                        return;
                    }
                }
            };
            if let Err(error) = world.spawn_io("queue-open", Box::pin(job)) {
                tracing::error!(%error, "no thread to open the queue");
            }
        }
        Ok(queue)
    }

    fn try_open(&self) -> Result<bool, InUse> {
        match self.open_all() {
            Ok(open) => {
                let _ = self.open.set(open);
                Ok(true)
            }
            Err(Failure::InUse(pid)) => {
                self.set_trouble(QueueError::new(
                    Class::Unavailable,
                    "another process holds the data folder",
                ));
                Err(InUse { pid })
            }
            Err(Failure::Queue(error)) => {
                tracing::error!(%error, "the queue cannot be opened yet");
                self.set_trouble(error);
                Ok(false)
            }
        }
    }

    fn open_all(&self) -> Result<Open, Failure> {
        let folder = self.lock.parent().unwrap_or(&self.lock);
        self.world
            .fs()
            .create_dir_all(folder)
            .map_err(|e| QueueError::io("cannot make the data folder", e))?;
        let lock = self.world.fs().lock(&self.lock).map_err(|failure| match failure {
            LockFailure::Held(pid) => Failure::InUse(pid),
            LockFailure::Io(e) => Failure::Queue(QueueError::io("cannot lock the data folder", e)),
        })?;
        let (main, opened) = EmbeddedLog::open(&self.world, &self.main)?;
        report(&self.main, &opened);
        let (side, opened) = EmbeddedLog::open(&self.world, &self.side)?;
        report(&self.side, &opened);
        Ok(Open { main, side, _lock: lock })
    }

    fn set_trouble(&self, error: QueueError) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    fn log(&self, topic: &Topic) -> Result<&EmbeddedLog, QueueError> {
        let open = self.open.get().ok_or_else(|| self.not_open())?;
        Ok(if is_side(topic) { &open.side } else { &open.main })
    }

    /// Why appends are refused at the moment, if they are.
    #[must_use]
    pub fn trouble(&self) -> Option<QueueError> {
        match self.open.get() {
            Some(open) => open.main.trouble().or_else(|| open.side.trouble()),
            None => Some(self.not_open()),
        }
    }

    /// How many groups of frames the main log has made durable: one sync each.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.open.get().map_or(0, |open| open.main.syncs())
    }

    /// Forgets a group's positions in both logs; answers how many there were.
    ///
    /// # Errors
    /// A log is not open, cannot be written, or the group is being read for.
    pub async fn drop_group(&self, group: &Group) -> Result<usize, QueueError> {
        let open = self.open.get().ok_or_else(|| self.not_open())?;
        Ok(open.main.drop_group(group).await? + open.side.drop_group(group).await?)
    }

    fn not_open(&self) -> QueueError {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Groups with a position that nobody reads for at the moment.
    #[must_use]
    pub fn idle_groups(&self) -> Vec<(Group, Topic)> {
        self.open.get().map(|open| open.main.idle_groups()).unwrap_or_default()
    }
}

enum Failure {
    InUse(Option<u32>),
    Queue(QueueError),
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

fn report(config: &LogConfig, opened: &Opened) {
    let log = config.dir.display();
    for (segment, from, to) in &opened.damaged {
        tracing::error!(%log, segment, from, to, "acknowledged bytes are damaged; a copy is in quarantine/");
    }
    if let Some((segment, from, to)) = opened.cut {
        tracing::warn!(%log, segment, from, to, "a tail that was never acknowledged was cut; a copy is in quarantine/");
    }
    for file in &opened.unreadable_keys {
        tracing::error!(%log, file, "remembered keys cannot be read; repetitions of them are not recognised");
    }
}

impl Queue for EmbeddedQueue {
    fn limits(&self) -> QueueLimits {
        QueueLimits {
            max_payload: self.main.max_payload.into(),
            counts_records: true,
            shares_partitions: false,
            relays_anywhere: false,
        }
    }

    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError> {
        self.log(topic).map(EmbeddedLog::id)
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        match self.log(&append.topic) {
            Ok(log) => log.append(append),
            Err(error) => Box::pin(async { Err(AppendError::Refused(error)) }),
        }
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        Box::pin(async move { self.log(topic)?.subscribe(topic, group, budget).await })
    }

    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        Box::pin(async move { self.log(topic)?.scan(topic, partition, from).await })
    }

    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>> {
        Box::pin(async move { self.log(topic)?.partitions(topic).await })
    }

    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>> {
        Box::pin(async move { self.log(topic)?.bounds(topic, partition).await })
    }

    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, Committed)>, QueueError>> {
        Box::pin(async move { self.log(topic)?.committed(topic, group).await })
    }

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        Box::pin(async move { self.log(topic)?.depth(topic, group).await })
    }
}
