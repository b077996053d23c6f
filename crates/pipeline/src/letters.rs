//! Dead letters of one sink.

use std::sync::Arc;

use logmill_queue::letter::{Letter, Sender};
use logmill_queue::{Append, AppendError, Appended, Group, LogId, NameError, Partition, Queue, Topic};
use logmill_world::World;

use crate::backoff::Backoff;

/// Where the dead letters of one group and topic go.
#[derive(Clone)]
pub struct DeadLetters {
    world: World,
    queue: Arc<dyn Queue>,
    sender: Sender,
}

impl DeadLetters {
    /// Letters of `group` about `source`, kept in `queue` under `<source>.dlq`.
    ///
    /// # Errors
    /// The topic's name is too long for the suffix.
    pub fn new(
        world: World,
        queue: Arc<dyn Queue>,
        source: &Topic,
        group: &Group,
        stage: &str,
    ) -> Result<Self, NameError> {
        Ok(Self { world, queue, sender: Sender::new(source, group, stage)? })
    }

    /// Makes the letter durable, however long it takes. The same letter again changes nothing.
    pub(crate) async fn send(&self, log: LogId, partition: Partition, letter: &Letter) {
        let append = self.append(log, partition, letter);
        let mut backoff = Backoff::new();
        loop {
            match self.queue.append(append.clone()).await {
                Ok(Appended::New(_) | Appended::Undecided(_)) => return self.tell(partition, letter),
                Ok(Appended::Duplicate { .. } | Appended::Conflict) => return,
                Err(AppendError::InFlight) => backoff.wait(&self.world).await,
                Err(AppendError::Refused(error) | AppendError::Unknown(error)) => {
                    tracing::error!(%error, topic = %self.sender.topic(), "a dead letter cannot be written yet");
                    backoff.wait(&self.world).await;
                }
            }
        }
    }

    /// Says that a letter is durable.
    pub(crate) fn tell(&self, partition: Partition, letter: &Letter) {
        tracing::warn!(topic = %self.sender.source(), partition = partition.0, offset = letter.frame.offset,
            index = letter.index, reason = %letter.reason, "a dead letter was written");
    }

    pub(crate) fn append(&self, log: LogId, partition: Partition, letter: &Letter) -> Append {
        self.sender.append(log, partition, letter, self.world.clock().wall())
    }
}
