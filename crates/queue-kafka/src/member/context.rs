//! What librdkafka calls while the thread polls.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use logmill_queue::Partition;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::client::{Context, Health};
use crate::error::code;

/// What a poll brought, for the thread to act on.
pub(crate) enum Change {
    /// These partitions are ours.
    Assigned(Vec<Partition>),
    /// These have to be given back; the group waits for `incremental_unassign`.
    Revoking(Vec<Partition>),
    /// These are somebody else's already.
    Lost(Vec<Partition>),
    /// The answer to a commit; without a partition it concerns all that are under way.
    Committed(Option<Partition>, Result<(), RDKafkaErrorCode>),
}

/// The context of a member's consumer.
pub(crate) struct MemberContext {
    base: Context,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    changes: Vec<Change>,
    /// Partitions that were given to librdkafka with an offset. Only those can be taken from it again: a list with
    /// another one is refused as a whole.
    started: BTreeSet<Partition>,
    closing: bool,
}

impl MemberContext {
    pub(crate) fn new(health: Health) -> Self {
        Self { base: Context(health), state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.state().changes)
    }

    pub(crate) fn started(&self, partition: Partition) {
        self.state().started.insert(partition);
    }

    pub(crate) fn is_started(&self, partition: Partition) -> bool {
        self.state().started.contains(&partition)
    }

    /// From now on what is revoked is given back at once: nobody is there to finish anything.
    pub(crate) fn close(&self) {
        self.state().closing = true;
    }

    /// Takes the started ones of these partitions from librdkafka; this is also the answer to a revocation.
    pub(crate) fn unassign(&self, consumer: &BaseConsumer<Self>, topic: &str, partitions: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        let mut state = self.state();
        for partition in partitions.iter().filter(|partition| state.started.remove(partition)) {
            list.add_partition(topic, i32::from(partition.0));
        }
        drop(state);
        if let Err(error) = consumer.incremental_unassign(&list) {
            tracing::warn!(%error, topic, ?partitions, "partitions could not be given back");
        }
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.base.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.base.error(error, reason);
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let topic = list.elements().first().map(|element| element.topic().to_owned()).unwrap_or_default();
        let partition = |n: i32| Partition(u16::try_from(n).unwrap_or(u16::MAX));
        let partitions: Vec<Partition> =
            list.elements().iter().map(|element| partition(element.partition())).collect();
        if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Nothing is fetched before a reader says from where.
            if let Err(error) = consumer.incremental_assign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "an assignment was not taken");
            }
            return self.state().changes.push(Change::Assigned(partitions));
        }
        let is_lost = consumer.assignment_lost();
        if is_lost || self.state().closing {
            self.unassign(consumer, &topic, &partitions);
        }
        let change = if is_lost { Change::Lost(partitions) } else { Change::Revoking(partitions) };
        self.state().changes.push(change);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let result = result.map_err(|error| code(&error));
        let mut state = self.state();
        if offsets.count() == 0 {
            return state.changes.push(Change::Committed(None, result));
        }
        for element in offsets.elements() {
            let own = element.error().map_err(|error| code(&error));
            let partition = u16::try_from(element.partition()).ok().map(Partition);
            state.changes.push(Change::Committed(partition, result.and(own)));
        }
    }
}
