//! Taking part in deciding about keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::letter::Sender;
use logmill_queue::{Class, Epoch, Event, Group, Partition, Queue, QueueError, Subscription, Topic};
use logmill_world::World;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::Beside;
use super::folder::Folder;
use super::index::Outputs;
use super::owner::{Owner, Terms};

/// Bytes that are fetched ahead of the owners, all together.
const BUDGET: u64 = 16 << 20;
/// What failed is tried again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// How long owners have to end.
const LAST: Duration = Duration::from_secs(5);

/// What is wrong at the moment, by partition; none is the membership itself.
#[derive(Default)]
pub struct KeyStatus(Mutex<BTreeMap<Option<Partition>, QueueError>>);

impl KeyStatus {
    fn inner(&self) -> std::sync::MutexGuard<'_, BTreeMap<Option<Partition>, QueueError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why batches with a key have to wait at the moment, if they have to.
    #[must_use]
    pub fn trouble(&self) -> Option<QueueError> {
        self.inner().values().next().cloned()
    }

    pub(super) fn failed(&self, partition: Option<Partition>, error: &QueueError) {
        let before = self.inner().insert(partition, error.clone());
        if before.is_none_or(|before| before.context != error.context) {
            tracing::warn!(%error, ?partition, "batches with an idempotency key have to wait");
        }
    }

    pub(super) fn works(&self, partition: Option<Partition>) {
        self.inner().remove(&partition);
    }
}

/// A part in deciding about the keys of one topic. Dropping it ends the part.
pub struct KeyIndex {
    status: Arc<KeyStatus>,
    reads: (Topic, Group),
    stop: watch::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl KeyIndex {
    /// Joins those who decide about the keys of batches for `topic`. A key is known for `horizon`; what does not fit into
    /// memory lies in `dir`, where it is of no use to anybody else.
    ///
    /// # Errors
    /// The topic's name is too long, or there is no thread. What is wrong with brokers or the folder is told by `status`.
    pub fn join(
        world: &World,
        queue: Arc<dyn Queue>,
        topic: &Topic,
        dir: PathBuf,
        horizon: Duration,
    ) -> Result<Self, QueueError> {
        let Beside { staged, verdicts } = Beside::of(topic)?;
        let invalid = |e| QueueError::caused(Class::Invalid, format!("the topic {topic} takes no keys"), e);
        // Everybody who takes batches for the topic has to be in one group, whatever else sets them apart.
        let group = Group::new(staged.as_str()).map_err(invalid)?;
        let letters = Sender::new(topic, &group, "keys").map_err(invalid)?;
        let outputs = Outputs { topic: topic.clone(), verdicts, letters };
        let (status, reads) = (Arc::new(KeyStatus::default()), (staged.clone(), group.clone()));
        let (stop, stopped) = watch::channel(());
        let (end, ended) = oneshot::channel();
        let terms = Terms { world: world.clone(), queue, staged, outputs, horizon, status: status.clone() };
        let run = async move {
            Part { terms: Arc::new(terms), group }.run(dir, stopped).await;
            // Who dropped the handle does not wait.
            let _ = end.send(());
        };
        let thread = world.spawn_io("kafka-keys", Box::pin(run));
        thread.map_err(|e| QueueError::io("no thread to decide about keys", e))?;
        Ok(Self { status, reads, stop, ended })
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Arc<KeyStatus> {
        self.status.clone()
    }

    /// What is read, and by which group: how far it lags says how long batches with a key wait.
    #[must_use]
    pub fn reads(&self) -> (Topic, Group) {
        self.reads.clone()
    }

    /// Finishes what is under way and leaves, within some seconds.
    pub async fn close(self) {
        let Self { stop, ended, .. } = self;
        drop(stop);
        // A thread that ended out of order has nothing under way.
        let _ = ended.await;
    }
}

struct Part {
    terms: Arc<Terms>,
    group: Group,
}

/// Told to stop when the other half is dropped.
pub(super) type Stop = watch::Receiver<()>;

/// The owners by partition; dropping one's half stops it.
type Owners = BTreeMap<Partition, (Epoch, watch::Sender<()>)>;

impl Part {
    async fn run(self, dir: PathBuf, mut stop: Stop) {
        let context =
            |e| QueueError::io(format!("the folder for keys, {}, cannot be used", dir.display()), e);
        let Some(folder) = self
            .persist(&mut stop, || async { Folder::take(self.terms.world.fs(), &dir).map_err(context) })
            .await
        else {
            return;
        };
        let folder = Arc::new(folder);
        while let Some(mut sub) = self.persist(&mut stop, || self.subscribe()).await {
            let ended = serve(&self.terms, &folder, &mut *sub, &mut stop).await;
            if let Err(error) = sub.close(LAST).await {
                tracing::warn!(%error, "the group that decides about keys was not left in order");
            }
            let Err(error) = ended else { return };
            self.terms.status.failed(None, &error);
        }
    }

    /// Tries until it works; none if it was told to stop before.
    async fn persist<T, F: Future<Output = Result<T, QueueError>>>(
        &self,
        stop: &mut Stop,
        mut attempt: impl FnMut() -> F,
    ) -> Option<T> {
        loop {
            match attempt().await {
                Ok(done) => {
                    self.terms.status.works(None);
                    return Some(done);
                }
                Err(error) => self.terms.status.failed(None, &error),
            }
            tokio::select! {
                _ = stop.changed() => return None,
                () = self.terms.world.clock().sleep(PAUSE) => {}
            }
        }
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, QueueError> {
        let Terms { queue, staged: here, outputs, .. } = &*self.terms;
        let there = &outputs.verdicts;
        let (staged, verdicts) = (queue.partitions(here).await?.len(), queue.partitions(there).await?.len());
        if staged == verdicts {
            return queue.subscribe(here, &self.group, BUDGET).await;
        }
        let reason =
            format!("{here} has {staged} partitions and {there} has {verdicts}: give them the same number");
        Err(QueueError::new(Class::Unavailable, reason))
    }
}

/// Owns what is assigned, until it is told to stop or the membership ends.
async fn serve(
    terms: &Arc<Terms>,
    folder: &Arc<Folder>,
    sub: &mut dyn Subscription,
    stop: &mut Stop,
) -> Result<(), QueueError> {
    let (mut owners, mut tasks) = (Owners::new(), JoinSet::new());
    let ended = loop {
        let event = tokio::select! {
            _ = stop.changed() => break Ok(()),
            Some(_) = tasks.join_next() => continue,
            event = sub.next() => event,
        };
        match event {
            Ok(Event::Assigned(reader)) => {
                let (half, stop) = watch::channel(());
                owners.insert(reader.lease().partition, (reader.lease().epoch, half));
                tasks.spawn(Owner { terms: terms.clone(), folder: folder.clone(), reader, stop }.run());
            }
            Ok(Event::Revoking { partition, epoch, .. } | Event::Lost { partition, epoch }) => {
                if owners.get(&partition).is_some_and(|(of, _)| *of == epoch) {
                    owners.remove(&partition);
                }
            }
            Err(error) => break Err(error),
        }
    };
    drop(owners);
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = terms.world.clock().sleep(LAST) => {}
    }
    ended
}
