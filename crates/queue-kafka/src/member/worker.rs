//! The thread that owns a member's consumer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as commands;
use std::time::Duration;

use logmill_queue::{Class, Epoch, Event, Group, Lease, Partition, QueueError, Topic};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::commits::Commits;
use super::context::Change;
use super::reader::Reader;
use super::slot::Slot;
use super::{Command, Commands, MemberConsumer, partition_of};
use crate::error::{code, unavailable};
use crate::queue::Shared;
use crate::topics::Known;

/// What a member has to finish its work on partitions that go elsewhere. All its partitions stand still until then.
const HANDOVER: Duration = Duration::from_secs(5);
/// Polled at least this often, whatever wakes the thread.
const TICK: Duration = Duration::from_millis(100);
/// librdkafka answers a seek within its own threads.
const SEEK: Duration = Duration::from_secs(1);
/// How long calls of readers that still ask the coordinator may keep the consumer from ending.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// Grows with each assignment in this process, whatever group it is in.
static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// A start that waits until a revocation was answered.
type Deferred = (Lease, u64, oneshot::Sender<Result<(), Option<QueueError>>>);

pub(crate) struct Worker {
    shared: Arc<Shared>,
    topic: Topic,
    group: Group,
    known: Arc<Known>,
    consumer: Arc<MemberConsumer>,
    commands: Commands,
    inbox: commands::Receiver<Command>,
    events: mpsc::UnboundedSender<Event>,
    slots: BTreeMap<Partition, Arc<Slot>>,
    owned: BTreeMap<Partition, Lease>,
    /// What has to be given back, and until when, by the monotonic clock.
    revoking: Option<(Vec<Partition>, Duration)>,
    deferred: Vec<Deferred>,
    commits: Commits,
    closing: Option<(Duration, oneshot::Sender<()>)>,
}

impl Worker {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        (topic, group): (Topic, Group),
        known: &Arc<Known>,
        consumer: MemberConsumer,
        (commands, inbox): (Commands, commands::Receiver<Command>),
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        Self {
            shared: shared.clone(),
            topic,
            group,
            known: known.clone(),
            consumer: Arc::new(consumer),
            commands,
            inbox,
            events,
            slots: BTreeMap::new(),
            owned: BTreeMap::new(),
            revoking: None,
            deferred: Vec::new(),
            commits: Commits::default(),
            closing: None,
        }
    }

    fn now(&self) -> Duration {
        self.shared.world.clock().monotonic()
    }

    /// Works until the membership is closed, on the thread that calls it.
    pub(crate) async fn run(mut self) {
        loop {
            match self.inbox.recv_timeout(TICK) {
                Ok(command) => self.obey(command),
                Err(commands::RecvTimeoutError::Timeout) => {}
                // Our own sender lives in `self`, so that this cannot be; ending is what it means.
                Err(commands::RecvTimeoutError::Disconnected) => return self.leave().await,
            }
            while let Ok(command) = self.inbox.try_recv() {
                self.obey(command);
            }
            self.poll();
            self.answer_revocation();
            if self.is_finished() {
                return self.leave().await;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Wake | Command::Released => {}
            Command::Start { lease, at, reply } => self.start((lease, at, reply)),
            Command::Commit(commit) => self.commits.add(commit, &self.consumer, &self.known.name),
            Command::Metadata { lease, reply } => {
                let metadata = if lease.is_held() { self.consumer.group_metadata() } else { None };
                let _ = reply.send(metadata);
            }
            Command::Close { within, reply } => {
                if self.closing.is_none() {
                    self.closing = Some((self.now() + within, reply));
                }
            }
        }
    }

    /// Serves librdkafka's events. Messages come through the partitions' own queues.
    fn poll(&mut self) {
        while let Some(event) = self.consumer.poll(Duration::ZERO) {
            match event {
                Ok(_) => {
                    tracing::error!(topic = %self.topic, "a message came outside of its partition's queue")
                }
                // That all are down is told by what each of them said.
                Err(error) if code(&error) == RDKafkaErrorCode::AllBrokersDown => {}
                Err(error) => tracing::warn!(%error, topic = %self.topic, "reading is held up"),
            }
        }
        for change in self.consumer.context().changes() {
            match change {
                Change::Assigned(partitions) => self.assign(&partitions),
                Change::Revoking(partitions) => self.revoke(partitions),
                Change::Lost(partitions) => self.lose(&partitions),
                Change::Committed(partition, result) => {
                    self.commits.answered(partition, result, &self.consumer, &self.known.name);
                }
            }
        }
    }

    fn assign(&mut self, partitions: &[Partition]) {
        for &partition in partitions {
            let Some(slot) = self.slot(partition) else { continue };
            let epoch: Epoch = EPOCHS.fetch_add(1, Ordering::AcqRel);
            let lease = Lease::new(self.known.log, self.topic.clone(), partition, epoch);
            self.owned.insert(partition, lease.clone());
            let reader = Reader {
                shared: self.shared.clone(),
                group: self.group.clone(),
                topic: self.known.name.clone(),
                lease,
                slot,
                commands: self.commands.clone(),
                consumer: Arc::downgrade(&self.consumer),
                relay: None,
            };
            // A member that is gone takes no more; the partition is given back when it is closed.
            let _ = self.events.send(Event::Assigned(Box::new(reader)));
        }
    }

    fn slot(&mut self, partition: Partition) -> Option<Arc<Slot>> {
        if let Some(slot) = self.slots.get(&partition) {
            return Some(slot.clone());
        }
        let health = self.shared.health.clone();
        let Some(slot) = Slot::new(&self.consumer, &self.known.name, partition.0, health) else {
            tracing::error!(topic = %self.topic, partition = partition.0, "an assigned partition is not known");
            return None;
        };
        let slot = Arc::new(slot);
        self.slots.insert(partition, slot.clone());
        Some(slot)
    }

    fn revoke(&mut self, partitions: Vec<Partition>) {
        for lease in partitions.iter().filter_map(|partition| self.owned.get(partition)) {
            let (partition, epoch) = (lease.partition, lease.epoch);
            let _ = self.events.send(Event::Revoking { partition, epoch, within: HANDOVER });
        }
        let until = self.now() + HANDOVER;
        match &mut self.revoking {
            Some((before, _)) => before.extend(partitions),
            None => self.revoking = Some((partitions, until)),
        }
    }

    fn lose(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.end(*partition);
        }
        // What was asked back before is gone now, and needs no answer any more.
        if let Some((revoking, _)) = &mut self.revoking {
            revoking.retain(|partition| !partitions.contains(partition));
            if revoking.is_empty() {
                self.revoking = None;
            }
        }
    }

    /// Ends the lease of a partition, and tells its owner if it did not give it back.
    fn end(&mut self, partition: Partition) {
        let Some(lease) = self.owned.remove(&partition) else { return };
        if lease.is_held() {
            lease.end();
            let _ = self.events.send(Event::Lost { partition, epoch: lease.epoch });
        }
        if let Some(slot) = self.slots.get(&partition) {
            slot.more.notify_one();
        }
    }

    /// Answers a revocation, once: when all was released, or the time is up.
    fn answer_revocation(&mut self) {
        let Some((partitions, until)) = &self.revoking else { return };
        let held = |partition: &Partition| self.owned.get(partition).is_some_and(Lease::is_held);
        if partitions.iter().any(held) && self.now() < *until {
            return;
        }
        let partitions = partitions.clone();
        self.revoking = None;
        for partition in &partitions {
            self.end(*partition);
        }
        self.consumer.context().unassign(&self.consumer, &self.known.name, &partitions);
        for start in std::mem::take(&mut self.deferred) {
            self.start(start);
        }
    }

    fn start(&mut self, (lease, at, reply): Deferred) {
        if !lease.is_held() {
            let _ = reply.send(Err(None));
            return;
        }
        if self.revoking.is_some() {
            return self.deferred.push((lease, at, reply));
        }
        let _ = reply.send(self.fetch_from(&lease, at).map_err(Some));
    }

    fn fetch_from(&mut self, lease: &Lease, at: u64) -> Result<(), QueueError> {
        let partition = lease.partition;
        let Some(slot) = self.slots.get(&partition) else {
            return Err(QueueError::new(Class::Bug, "a partition without a queue was started"));
        };
        slot.begin(lease.epoch, at);
        let offset = rdkafka::Offset::Offset(i64::try_from(at).unwrap_or(i64::MAX));
        if self.consumer.context().is_started(partition) {
            if self.consumer.seek(&self.known.name, i32::from(partition.0), offset, SEEK).is_ok() {
                return Ok(());
            }
            // It stands still after an error, and only a new assignment makes it move.
            self.take_back(partition);
            if !lease.is_held() {
                return Err(QueueError::new(Class::Unavailable, "the partition was asked back"));
            }
        }
        let mut list = partition_of(&self.known.name, partition);
        // In the assignment itself: a seek right behind it comes too early.
        list.set_partition_offset(&self.known.name, i32::from(partition.0), offset)
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(|e| unavailable("a partition cannot be started", e, &self.shared.health))?;
        self.consumer.context().started(partition);
        Ok(())
    }

    /// Takes a partition from librdkafka that is still ours. This answers a revocation, if one has come that was not looked
    /// at yet; then nothing of it can be finished any more.
    fn take_back(&mut self, partition: Partition) {
        self.consumer.context().unassign(&self.consumer, &self.known.name, &[partition]);
        self.poll();
        if let Some((partitions, _)) = self.revoking.take() {
            self.lose(&partitions);
            self.consumer.context().unassign(&self.consumer, &self.known.name, &partitions);
        }
    }

    fn is_finished(&self) -> bool {
        let Some((until, _)) = &self.closing else { return false };
        self.now() >= *until || !self.owned.values().any(Lease::is_held)
    }

    /// Leaves the group and ends. All that is still held is lost.
    async fn leave(mut self) {
        let partitions: Vec<Partition> = self.owned.keys().copied().collect();
        partitions.into_iter().for_each(|partition| self.end(partition));
        let Self { shared, consumer, slots, closing, .. } = self;
        consumer.context().close();
        slots.values().for_each(|slot| slot.end());
        // Readers may still ask the coordinator; the last of all to hold the consumer would have to end it.
        let clock = shared.world.clock();
        let until = clock.monotonic() + LAST_CALLS;
        while Arc::strong_count(&consumer) > 1 && clock.monotonic() < until {
            clock.sleep(Duration::from_millis(5)).await;
        }
        drop(consumer);
        if let Some((_, reply)) = closing {
            // Who dropped the membership does not wait.
            let _ = reply.send(());
        }
    }
}
