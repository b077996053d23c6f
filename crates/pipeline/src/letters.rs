//! Dead letters: what can never be delivered, with its bytes and the reason.

use std::sync::Arc;

use bytes::Bytes;
use logmill_queue::{
    Append, AppendError, Appended, Frame, Group, Header, Key, LetterIndex, LogId, NameError, Partition,
    Queue, Route, Topic,
};
use logmill_world::World;

use crate::backoff::Backoff;

/// The longest reason in bytes.
const MAX_REASON: usize = 1024;

/// Something for the dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// The frame.
    pub frame: Frame,
    /// The record in it, if one is meant.
    pub index: LetterIndex,
    /// The bytes to keep; the frame's own if none are given.
    pub payload: Option<Bytes>,
    /// Why, for the operator.
    pub reason: String,
}

/// Where the dead letters of one group and topic go.
#[derive(Clone)]
pub struct DeadLetters {
    world: World,
    queue: Arc<dyn Queue>,
    source: Topic,
    topic: Topic,
    group: Group,
    stage: String,
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
        let topic = Topic::new(&format!("{source}.dlq"))?;
        let (source, group, stage) = (source.clone(), group.clone(), stage.to_owned());
        Ok(Self { world, queue, source, topic, group, stage })
    }

    /// Makes the letter durable, however long it takes. The same letter again changes nothing.
    pub(crate) async fn send(&self, log: LogId, partition: Partition, letter: &Letter) {
        let append = self.append(log, partition, letter);
        let mut backoff = Backoff::new();
        loop {
            match self.queue.append(append.clone()).await {
                Ok(Appended::New(_)) => return self.tell(partition, letter),
                Ok(Appended::Duplicate { .. } | Appended::Conflict) => return,
                Err(AppendError::InFlight) => backoff.wait(&self.world).await,
                Err(AppendError::Refused(error) | AppendError::Unknown(error)) => {
                    tracing::error!(%error, topic = %self.topic, "a dead letter cannot be written yet");
                    backoff.wait(&self.world).await;
                }
            }
        }
    }

    /// Says that a letter is durable.
    pub(crate) fn tell(&self, partition: Partition, letter: &Letter) {
        tracing::warn!(topic = %self.source, partition = partition.0, offset = letter.frame.offset,
            index = letter.index, reason = %letter.reason, "a dead letter was written");
    }

    pub(crate) fn append(&self, log: LogId, partition: Partition, letter: &Letter) -> Append {
        let frame = &letter.frame;
        let index = letter.index.map_or("-".to_owned(), |index| index.to_string());
        let id = format!("{}/{log}/{partition}/{}/{index}", self.group, frame.offset);
        let count = if letter.index.is_some() { 1 } else { frame.header.accepted() };
        let mut header = Header::new(frame.header.encoding, count, self.world.clock().wall());
        header.customer.clone_from(&frame.header.customer);
        header.batch_id = frame.header.batch_id;
        let hash = first_half(&blake3::hash(id.as_bytes()));
        header.key = Some(Key { hash, digest: hash });
        let mut attribute = |name: &str, value: String| {
            header.attributes.push((name.to_owned(), Bytes::from(value)));
        };
        attribute("id", id);
        attribute("reason", cut(&letter.reason));
        attribute("stage", self.stage.clone());
        attribute("topic", self.source.to_string());
        attribute("partition", partition.to_string());
        attribute("offset", frame.offset.to_string());
        if letter.index.is_some() {
            attribute("index", index);
        }
        let payload = letter.payload.clone().unwrap_or_else(|| frame.payload.clone());
        Append { topic: self.topic.clone(), route: Route::To(Partition(0)), header, payload }
    }
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    half
}

pub(crate) fn cut(reason: &str) -> String {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default().to_owned()
}
