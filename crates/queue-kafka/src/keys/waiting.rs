//! The door's side: who waits for a verdict, and the thread that reads them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use logmill_queue::{Class, Partition, QueueError, Topic};
use logmill_world::World;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use tokio::sync::mpsc;

use super::Verdict;
use crate::client::{Context, Health};
use crate::config::KafkaConfig;
use crate::error::unavailable;
use crate::message;
use crate::topics::Topics;

/// The thread looks so often whether anybody still wants it.
const TICK: Duration = Duration::from_millis(500);

type Hash = [u8; 16];

/// Who waits, by key.
#[derive(Default)]
struct Waiters(Mutex<HashMap<Hash, Vec<mpsc::UnboundedSender<Verdict>>>>);

impl Waiters {
    fn inner(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Vec<mpsc::UnboundedSender<Verdict>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, verdict: Verdict) {
        for waiter in self.inner().get(&verdict.hash).into_iter().flatten() {
            // One that has gone is removed by its own end.
            let _ = waiter.send(verdict);
        }
    }
}

/// The verdicts on one key from now on.
pub(crate) struct Waiter {
    waiters: Arc<Waiters>,
    hash: Hash,
    verdicts: mpsc::UnboundedReceiver<Verdict>,
}

impl Waiter {
    /// The next verdict; waits for it. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Verdict> {
        self.verdicts.recv().await
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.verdicts.close();
        let mut inner = self.waiters.inner();
        if let Some(of_key) = inner.get_mut(&self.hash) {
            of_key.retain(|waiter| !waiter.is_closed());
            if of_key.is_empty() {
                inner.remove(&self.hash);
            }
        }
    }
}

/// The verdicts as they come, of all topics that were asked for.
#[derive(Default)]
pub(crate) struct Verdicts {
    waiters: Arc<Waiters>,
    followed: tokio::sync::Mutex<HashSet<Topic>>,
}

impl Verdicts {
    /// Sees to it that the verdicts in `topic` are read from now on.
    pub(crate) async fn follow(
        &self,
        world: &World,
        config: &KafkaConfig,
        health: &Health,
        topics: &Topics,
        topic: &Topic,
    ) -> Result<(), QueueError> {
        let mut followed = self.followed.lock().await;
        if followed.contains(topic) {
            return Ok(());
        }
        let known = topics.open(topic).await?;
        let mut ends = Vec::with_capacity(known.partitions.into());
        for partition in (0..known.partitions).map(Partition) {
            ends.push((partition, topics.bounds(&known, partition).await?.1));
        }
        let consumer = reader(config, health, &known.name, &ends)
            .map_err(|e| unavailable("the verdicts on keys cannot be read", e, health))?;
        let waiters = Arc::downgrade(&self.waiters);
        let thread = world.spawn_io("kafka-verdicts", Box::pin(async move { read(&consumer, &waiters) }));
        thread.map_err(|e| QueueError::io("no thread to read verdicts on keys", e))?;
        followed.insert(topic.clone());
        Ok(())
    }

    /// From now on, the verdicts on the key with this hash.
    pub(crate) fn wait_for(&self, hash: Hash) -> Waiter {
        let (sender, verdicts) = mpsc::unbounded_channel();
        self.waiters.inner().entry(hash).or_default().push(sender);
        Waiter { waiters: self.waiters.clone(), hash, verdicts }
    }
}

fn reader(
    config: &KafkaConfig,
    health: &Health,
    topic: &str,
    ends: &[(Partition, u64)],
) -> KafkaResult<BaseConsumer<Context>> {
    let consumer: BaseConsumer<Context> = config.follower().create_with_context(Context(health.clone()))?;
    let mut list = TopicPartitionList::with_capacity(ends.len());
    for (partition, end) in ends {
        let at = rdkafka::Offset::Offset(i64::try_from(*end).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, i32::from(partition.0), at)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

/// Reads until nobody can wait any more. Who waits in vain, while the brokers are away, is told that it is undecided.
fn read(consumer: &BaseConsumer<Context>, waiters: &Weak<Waiters>) {
    loop {
        let polled = consumer.poll(TICK);
        let Some(waiters) = waiters.upgrade() else { return };
        let frame = match polled {
            Some(Ok(message)) => message::frame(&message),
            Some(Err(error)) => {
                Err(QueueError::caused(Class::Unavailable, "the verdicts on keys cannot be read", error))
            }
            None => continue,
        };
        match frame {
            Ok(frame) => Verdict::read(&frame).into_iter().for_each(|verdict| waiters.tell(verdict)),
            Err(error) => tracing::warn!(%error, "a verdict on a key was missed"),
        }
    }
}
