//! A dead letter as a frame: what can never be delivered, with its bytes, where it came from and the reason.

use bytes::Bytes;
use logmill_world::Micros;

use crate::contract::{
    Append, Frame, Group, Header, Key, LetterIndex, LogId, NameError, Partition, Route, Topic,
};

/// The longest reason in bytes; a longer one is cut.
const MAX_REASON: usize = 1024;

/// Who writes letters, and about what.
#[derive(Clone, Debug)]
pub struct Sender {
    source: Topic,
    topic: Topic,
    group: Group,
    stage: String,
}

/// What a letter is about.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The frame.
    pub frame: Frame,
    /// The record in it, if one is meant.
    pub index: LetterIndex,
    /// The bytes to keep; the frame's own if none are given.
    pub payload: Option<Bytes>,
    /// Why, for the operator.
    pub reason: String,
}

impl Sender {
    /// Letters of `stage` about what `group` reads from `source`. They are kept under `<source>.dlq`.
    ///
    /// # Errors
    /// The topic's name is too long for the suffix.
    pub fn new(source: &Topic, group: &Group, stage: &str) -> Result<Self, NameError> {
        let topic = Topic::new(&format!("{source}.dlq"))?;
        Ok(Self { source: source.clone(), topic, group: group.clone(), stage: stage.to_owned() })
    }

    /// What the letters are about.
    #[must_use]
    pub fn source(&self) -> &Topic {
        &self.source
    }

    /// Where the letters go.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The letter as a frame, made at `now`. Its id, and with it its key, says which record of which frame it is about, so
    /// that the same letter again is the same frame.
    #[must_use]
    pub fn append(&self, log: LogId, partition: Partition, letter: &Letter, now: Micros) -> Append {
        let frame = &letter.frame;
        let index = letter.index.map_or("-".to_owned(), |index| index.to_string());
        let id = format!("{}/{log}/{partition}/{}/{index}", self.group, frame.offset);
        let count = if letter.index.is_some() { 1 } else { frame.header.accepted() };
        let mut header = Header::new(frame.header.encoding, count, now);
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

fn cut(reason: &str) -> String {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
