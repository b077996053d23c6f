//! A member of a group with a handle on the log of its own, as another process would have it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{Epoch, Event, Group, Partition, PartitionReader, Queue, Subscription, Topic};
use logmill_queue_kafka::KafkaQueue;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::run::Run;

/// Bytes that are fetched ahead.
const BUDGET: u64 = 1 << 20;
/// What is not given back by then is lost.
const HANDOVER: Duration = Duration::from_secs(5);
/// A membership is left within this time, the answers of brokers that come back included.
const LEAVES: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(300);

/// Why a partition is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    NotYet,
    /// It was asked back, or is gone already.
    Asked,
    /// The member leaves by itself, once all is given back.
    Leaving,
}

/// Told when a partition has to be given back.
pub(crate) type Ending = watch::Receiver<End>;

/// What a member does with a partition, until it gives it back.
pub(crate) trait Work: Send + Sync + 'static {
    /// Owns a partition; ends with its release.
    fn own(
        self: Arc<Self>,
        member: u64,
        reader: Box<dyn PartitionReader>,
        ending: Ending,
    ) -> impl Future<Output = ()> + Send;
}

/// What a member takes part in.
#[derive(Clone)]
pub(crate) struct Place {
    pub topic: Topic,
    pub group: Group,
}

/// A member that works.
pub(crate) struct Member {
    task: JoinHandle<()>,
    close: oneshot::Sender<()>,
}

struct Inner<W> {
    run: Arc<Run>,
    number: u64,
    work: Arc<W>,
    owners: JoinSet<()>,
    endings: HashMap<(Partition, Epoch), watch::Sender<End>>,
}

impl Member {
    /// Joins the group.
    pub(crate) fn join<W: Work>(
        run: &Arc<Run>,
        number: u64,
        queue: Arc<KafkaQueue>,
        place: Place,
        work: Arc<W>,
    ) -> Self {
        let (close, closed) = oneshot::channel();
        let (run, owners, endings) = (run.clone(), JoinSet::new(), HashMap::new());
        let inner = Inner { run, number, work, owners, endings };
        let task = tokio::spawn(async move {
            let subscription = inner.subscribe(&*queue, &place).await;
            inner.take_part(subscription, closed).await;
        });
        Self { task, close }
    }

    /// Everything of the member is dropped where it stands: handle, subscription, readers, relays under way.
    pub(crate) fn abandon(self) {
        self.task.abort();
    }

    /// Gives all partitions back and leaves the group.
    pub(crate) async fn close(self, run: &Run) {
        // A member that has ended by a panic shows it below.
        let _ = self.close.send(());
        let left = run.within(Duration::from_secs(180), "a member leaves its group", self.task).await;
        if let Err(error) = left {
            run.find(format!("a member ended out of order: {error}"));
        }
    }
}

impl<W: Work> Inner<W> {
    async fn subscribe(&self, queue: &dyn Queue, place: &Place) -> Box<dyn Subscription> {
        let joined = async {
            loop {
                match queue.subscribe(&place.topic, &place.group, BUDGET).await {
                    Ok(subscription) => return subscription,
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            }
        };
        self.run.within(Duration::from_secs(60), "a member can subscribe", joined).await
    }

    async fn take_part(mut self, mut subscription: Box<dyn Subscription>, mut close: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                event = subscription.next() => match event {
                    Ok(event) => self.heed(event),
                    Err(error) => return self.run.find(format!("a membership ended by itself: {error}")),
                },
                Some(owner) = self.owners.join_next() => self.ended(owner),
                // A sender that is dropped belongs to a member that is abandoned right now.
                _ = &mut close => break,
            }
        }
        for ending in self.endings.values() {
            let _ = ending.send(End::Leaving);
        }
        while let Some(owner) = self.owners.join_next().await {
            self.ended(owner);
        }
        if let Err(error) = self.run.within(LEAVES, "the group is left", subscription.close(HANDOVER)).await {
            self.run.find(format!("the group could not be left: {error}"));
        }
    }

    fn heed(&mut self, event: Event) {
        match event {
            Event::Assigned(reader) => {
                let (sender, ending) = watch::channel(End::NotYet);
                let lease = reader.lease();
                self.run.say(format!(
                    "member {}: {} assigned, lease {}",
                    self.number, lease.partition, lease.epoch
                ));
                self.endings.insert((lease.partition, lease.epoch), sender);
                let (work, number) = (self.work.clone(), self.number);
                self.owners.spawn(work.own(number, reader, ending));
            }
            Event::Revoking { partition, epoch, .. } | Event::Lost { partition, epoch } => {
                self.run
                    .say(format!("member {}: {partition} is asked back or lost, lease {epoch}", self.number));
                if let Some(ending) = self.endings.remove(&(partition, epoch)) {
                    // An owner that gave it back by itself does not listen.
                    let _ = ending.send(End::Asked);
                }
            }
        }
    }

    fn ended(&self, owner: Result<(), tokio::task::JoinError>) {
        if let Err(error) = owner {
            self.run.find(format!("the owner of a partition ended out of order: {error}"));
        }
    }
}
