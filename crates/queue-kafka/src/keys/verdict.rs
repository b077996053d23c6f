//! What is known of a key, as a message that all processes read.
//!
//! A frame without a key of its own: `batch_id` is the key's hash (and so the message's key, by which the topic is
//! compacted), `received_at` and `count` are those of the first frame with the key (its arrival and accepted records). The
//! payload is 24 bytes, little-endian: the first half of the first body's digest, the offset of the first frame among the
//! staged ones, the offset of the frame that was decided.

use bytes::Bytes;
use logmill_queue::keys::Seen;
use logmill_queue::{
    Append, Appended, Encoding, Frame, Header, Key, LogId, Offset, Partition, Position, Route, Topic,
};

/// What became of a staged frame, and what is known of its key from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub hash: [u8; 16],
    /// The first half of the first body's digest.
    pub digest: [u8; 8],
    /// When the first one arrived, in microseconds since 1970.
    pub received_at: i64,
    pub accepted: u32,
    pub first: Offset,
    pub decided: Offset,
}

impl Verdict {
    /// The verdict on the frame at `decided`, whose key is known as `seen`.
    pub(crate) fn new(hash: [u8; 16], seen: &Seen, decided: Offset) -> Self {
        let received_at = i64::from(seen.received) * 1_000_000;
        let Seen { digest, accepted, offset: first, .. } = *seen;
        Self { hash, digest, received_at, accepted, first, decided }
    }

    pub(crate) fn append(&self, topic: &Topic, partition: Partition) -> Append {
        let mut header = Header::new(Encoding::OPAQUE, self.accepted, self.received_at);
        header.batch_id = self.hash;
        let mut payload = Vec::with_capacity(24);
        payload.extend_from_slice(&self.digest);
        payload.extend_from_slice(&self.first.to_le_bytes());
        payload.extend_from_slice(&self.decided.to_le_bytes());
        Append { topic: topic.clone(), route: Route::To(partition), header, payload: Bytes::from(payload) }
    }

    /// The verdict in a frame; none if it is none.
    pub(crate) fn read(frame: &Frame) -> Option<Self> {
        let (digest, rest) = frame.payload.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let decided = <[u8; 8]>::try_from(rest).ok()?;
        Some(Self {
            hash: frame.header.batch_id,
            digest: *digest,
            received_at: frame.header.received_at,
            accepted: frame.header.count,
            first: Offset::from_le_bytes(*first),
            decided: Offset::from_le_bytes(decided),
        })
    }

    /// The first one's key, as far as it is kept.
    pub(crate) fn key(&self) -> Key {
        let mut digest = [0; 16];
        digest.iter_mut().zip(self.digest).for_each(|(to, from)| *to = from);
        Key { hash: self.hash, digest }
    }

    /// What it says about the frame that was staged at `at` with `key`; none if that one is not decided yet.
    pub(crate) fn about(&self, key: &Key, at: Offset, log: LogId, partition: Partition) -> Option<Appended> {
        let first = Position { log, partition, offset: self.first };
        match self.decided {
            decided if decided < at => None,
            _ if self.first == at => Some(Appended::New(first)),
            _ if key.digest.starts_with(&self.digest) => {
                Some(Appended::Duplicate { first, accepted: self.accepted })
            }
            _ => Some(Appended::Conflict),
        }
    }
}
