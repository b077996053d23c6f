//! A membership in a consumer group.
//!
//! One thread owns the consumer: it polls, answers rebalances, starts and stops partitions, and commits. So a lease is
//! compared on the thread that ends it, right before the commit goes out.

mod commits;
mod context;
mod reader;
mod slot;
mod worker;

use std::sync::Arc;
use std::sync::mpsc as commands;
use std::time::Duration;

use logmill_queue::{
    BoxFuture, Class, CommitError, Committed, Event, Group, Lease, Note, Offset, Partition, QueueError,
    Subscription, Topic,
};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::KafkaResult;
use tokio::sync::{mpsc, oneshot};

use self::context::MemberContext;
use self::worker::Worker;
use crate::blocking::blocking;
use crate::client::Health;
use crate::error::unavailable;
use crate::queue::{Asker, Shared};
use crate::topics::Known;

/// How long the coordinator may take to tell positions; another owner's transaction may hold it up.
const ASK: Duration = Duration::from_secs(1);

pub(crate) use self::commits::position;
pub(crate) use self::reader::Reader;

pub(crate) type MemberConsumer = BaseConsumer<MemberContext>;

/// A position to be committed.
pub(crate) struct Commit {
    pub lease: Lease,
    pub upto: Offset,
    pub note: Note,
    pub reply: oneshot::Sender<Result<(), CommitError>>,
}

/// What is asked of the thread that owns the consumer.
pub(crate) enum Command {
    /// There may be something to poll.
    Wake,
    /// Fetch from here on; none if the lease has ended.
    Start {
        lease: Lease,
        at: Offset,
        reply: oneshot::Sender<Result<(), Option<QueueError>>>,
    },
    Commit(Commit),
    /// Who we are in the group, for a transaction; none if the lease has ended.
    Metadata {
        lease: Lease,
        reply: oneshot::Sender<Option<ConsumerGroupMetadata>>,
    },
    /// A lease was given back.
    Released,
    /// Leave the group, at the latest after this time.
    Close {
        within: Duration,
        reply: oneshot::Sender<()>,
    },
}

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Commands(commands::Sender<Command>);

impl Commands {
    /// A thread that has ended answers by dropping what it was sent.
    pub(crate) fn send(&self, command: Command) {
        drop(self.0.send(command));
    }
}

/// A membership as its owner holds it.
struct Membership {
    commands: Commands,
    events: mpsc::UnboundedReceiver<Event>,
}

/// Takes part in a group.
pub(crate) fn join(
    shared: &Arc<Shared>,
    topic: &Topic,
    known: &Arc<Known>,
    group: &Group,
    budget: u64,
) -> Result<impl Subscription + use<>, QueueError> {
    let (sender, inbox) = commands::channel();
    let (events_in, events) = mpsc::unbounded_channel();
    let commands = Commands(sender);
    let config = shared.config.member(group.as_str(), budget, known.partitions);
    let failed = |e| QueueError::caused(Class::Unavailable, "a member of a group cannot be made", e);
    let mut consumer: MemberConsumer =
        config.create_with_context(MemberContext::new(shared.health.clone())).map_err(failed)?;
    let waker = commands.clone();
    consumer.set_nonempty_callback(move || waker.send(Command::Wake));
    consumer.subscribe(&[known.name.as_str()]).map_err(failed)?;
    let place = (topic.clone(), group.clone());
    let worker = Worker::new(shared, place, known, consumer, (commands.clone(), inbox), events_in);
    let thread = shared.world.spawn_io("kafka-group", Box::pin(worker.run()));
    thread.map_err(|e| QueueError::io("no thread for the member of a group", e))?;
    Ok(Membership { commands, events })
}

impl Subscription for Membership {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, QueueError>> {
        Box::pin(async move {
            let ended = || QueueError::new(Class::Unavailable, "the membership in the group has ended");
            self.events.recv().await.ok_or_else(ended)
        })
    }

    fn close(mut self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), QueueError>> {
        let (reply, closed) = oneshot::channel();
        self.commands.send(Command::Close { within, reply });
        Box::pin(async move {
            self.events.close();
            // Readers that nobody has received are given back at once.
            while let Some(event) = self.events.recv().await {
                if let Event::Assigned(reader) = event {
                    reader.release();
                }
            }
            // A thread that has ended has left the group.
            let _ = closed.await;
            Ok(())
        })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        self.commands.send(Command::Close { within: Duration::ZERO, reply });
    }
}

fn partition_of(topic: &str, partition: Partition) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(topic, i32::from(partition.0));
    list
}

/// The positions of those of these partitions that have one. While a transaction is open the coordinator does not tell.
pub(crate) fn kept<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: TopicPartitionList,
) -> KafkaResult<Vec<(Partition, Committed)>> {
    let answer = consumer.committed_offsets(list, ASK)?;
    let mut found = Vec::new();
    for element in answer.elements() {
        element.error()?;
        // Partitions without a position have a negative offset.
        let offset = element.offset().to_raw().and_then(|raw| Offset::try_from(raw).ok());
        let (Some(offset), Ok(partition)) = (offset, u16::try_from(element.partition())) else { continue };
        let note = Note::new(element.metadata().to_owned()).unwrap_or_default();
        found.push((Partition(partition), Committed { offset, note }));
    }
    Ok(found)
}

/// The positions of a group in a topic.
pub(crate) async fn positions(
    asker: &Asker,
    topic: &Known,
    health: &Health,
) -> Result<Vec<(Partition, Committed)>, QueueError> {
    let Some(consumer) = asker.get().cloned() else { return Ok(Vec::new()) };
    let mut list = TopicPartitionList::with_capacity(topic.partitions.into());
    for partition in 0..topic.partitions {
        list.add_partition(&topic.name, i32::from(partition));
    }
    let health = health.clone();
    blocking(move || {
        kept(&consumer, list).map_err(|e| unavailable("the positions of the group are not known", e, &health))
    })
    .await
}
