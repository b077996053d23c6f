//! The reader of one partition.

use std::sync::{Arc, Weak};
use std::time::Duration;

use logmill_queue::{
    Append, BoxFuture, Class, CommitError, Committed, Delivery, Group, Lease, Note, Offset, PartitionReader,
    QueueError, Start, StartError,
};
use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::oneshot;

use super::slot::Slot;
use super::{Command, Commands, Commit, MemberConsumer, kept, partition_of};
use crate::blocking::{Detached, blocking};
use crate::error::{code, unavailable};
use crate::queue::Shared;
use crate::relay::Relay;

/// In case librdkafka does not wake us.
const FALLBACK: Duration = Duration::from_secs(1);
/// The position is asked for again after this, while the coordinator cannot tell it.
const PAUSE: Duration = Duration::from_millis(100);

/// A partition that was assigned to us.
pub(crate) struct Reader {
    pub shared: Arc<Shared>,
    pub group: Group,
    /// The topic's name on the brokers.
    pub topic: String,
    pub lease: Lease,
    pub slot: Arc<Slot>,
    pub commands: Commands,
    pub consumer: Weak<MemberConsumer>,
    pub relay: Option<Detached<Arc<Relay>>>,
}

impl Reader {
    fn lost() -> QueueError {
        QueueError::new(
            Class::Unavailable,
            "the partition was lost: it has another owner, or the group was out of reach",
        )
    }

    /// The position as the coordinator keeps it; waits while another owner's transaction is open.
    pub(crate) async fn position(&self) -> Result<Option<Committed>, QueueError> {
        while self.lease.is_held() {
            if let Some(found) = self.ask().await? {
                return Ok(found);
            }
            self.shared.world.clock().sleep(PAUSE).await;
        }
        Err(Self::lost())
    }

    /// Asks for the position once; none while the coordinator cannot tell it.
    async fn ask(&self) -> Result<Option<Option<Committed>>, QueueError> {
        let (consumer, health) = (self.consumer.clone(), self.shared.health.clone());
        let list = partition_of(&self.topic, self.lease.partition);
        blocking(move || {
            let consumer = consumer.upgrade().ok_or_else(Self::lost)?;
            match kept(&consumer, list) {
                Ok(found) => Ok(Some(found.into_iter().next().map(|(_, committed)| committed))),
                Err(error) if is_busy(code(&error)) => Ok(None),
                Err(error) => Err(unavailable("the position of the group is not known", error, &health)),
            }
        })
        .await
    }

    /// The position, for an owner that begins. A transaction that the one before left open is ended at once.
    async fn inherit(&mut self) -> Result<Option<Committed>, QueueError> {
        if let Some(found) = self.ask().await? {
            return Ok(found);
        }
        let relay = self.relay();
        relay.take_over().await?;
        self.position().await
    }

    async fn begin(&mut self, at: Start) -> Result<Offset, StartError> {
        if !self.lease.is_held() {
            return Err(StartError::Fenced);
        }
        let Lease { log, topic, partition, .. } = &self.lease;
        let at = self.shared.resolve(topic, *partition, *log, at).await?;
        let (reply, started) = oneshot::channel();
        self.commands.send(Command::Start { lease: self.lease.clone(), at, reply });
        match started.await {
            Ok(Ok(())) => Ok(at),
            Ok(Err(Some(error))) => Err(error.into()),
            Ok(Err(None)) | Err(_) => Err(StartError::Fenced),
        }
    }

    async fn read(&mut self) -> Result<Delivery, QueueError> {
        loop {
            if !self.lease.is_held() {
                return Err(Self::lost());
            }
            if let Some(frame) = self.slot.poll(self.lease.epoch) {
                return frame.map(Delivery::Frame);
            }
            tokio::select! {
                () = self.slot.more.notified() => {}
                () = self.shared.world.clock().sleep(FALLBACK) => {}
            }
        }
    }

    async fn move_to(&mut self, upto: Offset, note: &Note) -> Result<(), CommitError> {
        let (reply, done) = oneshot::channel();
        let (lease, note) = (self.lease.clone(), note.clone());
        self.commands.send(Command::Commit(Commit { lease, upto, note, reply }));
        let gone = || QueueError::new(Class::Unavailable, "the membership has ended without an answer");
        done.await.unwrap_or_else(|_| {
            Err(if self.lease.is_held() { CommitError::Unknown(gone()) } else { CommitError::Fenced })
        })
    }

    async fn pass_on(&mut self, out: Vec<Append>, upto: Offset, note: &Note) -> Result<(), CommitError> {
        if out.is_empty() {
            return self.move_to(upto, note).await;
        }
        self.relay().run(self, out, upto, note).await
    }

    fn relay(&mut self) -> Arc<Relay> {
        if let Some(relay) = self.relay.as_ref().and_then(Detached::get) {
            return relay.clone();
        }
        let relay = Arc::new(Relay::new(&self.shared, &self.group, &self.topic, self.lease.partition));
        self.relay = Some(Detached::new(&self.shared.world, relay.clone()));
        relay
    }
}

/// The coordinator cannot tell a position yet: a transaction is open, or it has just moved.
fn is_busy(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::UnstableOffsetCommit
            | RDKafkaErrorCode::NotCoordinator
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::CoordinatorLoadInProgress
            | RDKafkaErrorCode::WaitingForCoordinator
    )
}

impl PartitionReader for Reader {
    fn lease(&self) -> &Lease {
        &self.lease
    }

    fn committed(&mut self) -> BoxFuture<'_, Result<Option<Committed>, QueueError>> {
        Box::pin(self.inherit())
    }

    fn start(&mut self, at: Start) -> BoxFuture<'_, Result<Offset, StartError>> {
        Box::pin(self.begin(at))
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Delivery, QueueError>> {
        Box::pin(self.read())
    }

    fn commit<'a>(&'a mut self, upto: Offset, note: &'a Note) -> BoxFuture<'a, Result<(), CommitError>> {
        Box::pin(self.move_to(upto, note))
    }

    fn relay<'a>(
        &'a mut self,
        out: Vec<Append>,
        upto: Offset,
        note: &'a Note,
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        Box::pin(self.pass_on(out, upto, note))
    }

    fn release(self: Box<Self>) {
        self.lease.end();
        self.commands.send(Command::Released);
    }
}
