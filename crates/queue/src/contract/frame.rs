//! What goes into a log and comes out of it.

use bytes::Bytes;
use logmill_world::Micros;

use super::names::{Offset, Partition, Position, Topic};

/// What the payload is. The number is part of the stored format (FORMAT.md lists them) and never gets another meaning;
/// only who reads and writes payloads knows more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding(pub u8);

impl Encoding {
    /// Bytes that only their producer understands.
    pub const OPAQUE: Self = Self(0);
}

/// The identity of a batch that its sender may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Of customer and key, with an even distribution.
    pub hash: [u8; 16],
    /// Of the decoded body and its media type.
    pub digest: [u8; 16],
}

/// What the log keeps beside the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How to read the payload.
    pub encoding: Encoding,
    /// Records in the payload, the rejected ones included.
    pub count: u32,
    /// Indexes of records that no sink may deliver, ascending.
    pub rejected: Vec<u32>,
    /// Whose records they are; at most 64 bytes.
    pub customer: String,
    /// The batch's public id.
    pub batch_id: [u8; 16],
    /// Present if the sender gave an idempotency key.
    pub key: Option<Key>,
    /// When the request arrived, by the clock of the door that took it.
    pub received_at: Micros,
    /// Smallest and largest time of the accepted records.
    pub span: Option<(Micros, Micros)>,
    /// Further named values for the consumers; at most 64 of them, 16 KiB together.
    pub attributes: Vec<(String, Bytes)>,
}

impl Header {
    /// A header for a payload of `count` records without any of the optional parts.
    #[must_use]
    pub fn new(encoding: Encoding, count: u32, received_at: Micros) -> Self {
        Self {
            encoding,
            count,
            rejected: Vec::new(),
            customer: String::new(),
            batch_id: [0; 16],
            key: None,
            received_at,
            span: None,
            attributes: Vec::new(),
        }
    }

    /// Records that sinks deliver.
    #[must_use]
    pub fn accepted(&self) -> u32 {
        self.count.saturating_sub(u32::try_from(self.rejected.len()).unwrap_or(u32::MAX))
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Bytes> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

/// A batch's id in the usual form of a UUID (RFC 9562).
#[must_use]
pub fn batch_id_text(id: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in id.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

/// Which partition a frame goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The remainder of this number by the count of partitions.
    Hash(u64),
    /// This one.
    To(Partition),
}

/// A frame to be stored.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where to.
    pub topic: Topic,
    /// Which partition.
    pub route: Route,
    /// Kept beside the payload.
    pub header: Header,
    /// Stored as it is.
    pub payload: Bytes,
}

/// What became of an append. It is durable, whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Stored here.
    New(Position),
    /// The same key came within the horizon with the same digest: nothing was stored.
    Duplicate {
        /// Where the first one lies, or lay.
        first: Position,
        /// How many records of the first one were accepted.
        accepted: u32,
    },
    /// The same key came within the horizon with another digest: nothing was stored.
    Conflict,
    /// Stored, and whether its key came before is not known yet: a log that many processes append to may be slow to tell.
    /// Readers see it once all the same; with another digest than the first one's it becomes a dead letter.
    Undecided(Position),
}

/// A stored frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its number in the partition.
    pub offset: Offset,
    /// As appended.
    pub header: Header,
    /// As appended.
    pub payload: Bytes,
}
