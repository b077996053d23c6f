//! Runs: sorted counts of one customer and hour, in chunks.
//!
//! A chunk is a sequence of entries, ascending by (kind, key): kind (u8), bytes shared with the key before (varint), the
//! rest of the key (length as varint, bytes), and the counts: their number (varint), and for each the minute, less the one
//! before and one (varint), and the count (varint). User agents have the sketch in the place of counts (length, bytes). The first
//! entry of a chunk shares nothing.

use crate::agents::Agents;
use crate::codec::{Malformed, Take, put_blob, put_varint};
use crate::postings::Posting;

/// A chunk ends before the entry with which it would be larger. With key and checksum it fits into 16 KiB.
pub const CHUNK: usize = 15 << 10;
const MINUTES: u8 = 60;

/// What an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Different user agents of the hour. The key is empty.
    Agents = 0,
    /// A family of user agents.
    Family = 1,
    /// A path key.
    Path = 2,
}

impl Kind {
    fn from_code(code: u8) -> Result<Self, Malformed> {
        match code {
            0 => Ok(Self::Agents),
            1 => Ok(Self::Family),
            2 => Ok(Self::Path),
            _ => Err(Malformed("an entry is of an unknown kind")),
        }
    }
}

/// What belongs to a key.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Of [`Kind::Agents`].
    Agents(Agents),
    /// Of the other kinds; ascending by minute, not empty.
    Counts(Vec<Posting>),
}

/// Packs entries, which have to come in order, into chunks.
#[derive(Default)]
pub(crate) struct Packer {
    chunk: Vec<u8>,
    last: Vec<u8>,
    entry: Vec<u8>,
}

impl Packer {
    /// Adds an entry. Answers a chunk that is complete.
    pub(crate) fn agents(&mut self, agents: &Agents) -> Option<Vec<u8>> {
        self.entry.clear();
        let mut sketch = Vec::new();
        agents.encode(&mut sketch);
        put_blob(&mut self.entry, &sketch);
        self.push(Kind::Agents, b"")
    }

    /// Adds an entry. Answers a chunk that is complete.
    pub(crate) fn counts(&mut self, kind: Kind, key: &[u8], counts: &[Posting]) -> Option<Vec<u8>> {
        self.entry.clear();
        put_varint(&mut self.entry, counts.len() as u64);
        let mut next = 0;
        for &(minute, count) in counts {
            put_varint(&mut self.entry, u64::from(minute.saturating_sub(next)));
            put_varint(&mut self.entry, count);
            next = minute + 1;
        }
        self.push(kind, key)
    }

    fn push(&mut self, kind: Kind, key: &[u8]) -> Option<Vec<u8>> {
        // Kind and three numbers, each at most five bytes here.
        let largest = 16 + key.len() + self.entry.len();
        let full = !self.chunk.is_empty() && self.chunk.len() + largest > CHUNK;
        let done = full.then(|| std::mem::take(&mut self.chunk));
        let shared = if self.chunk.is_empty() { 0 } else { shared(&self.last, key) };
        self.chunk.push(kind as u8);
        put_varint(&mut self.chunk, shared as u64);
        put_blob(&mut self.chunk, key.get(shared..).unwrap_or_default());
        self.chunk.extend_from_slice(&self.entry);
        self.last.clear();
        self.last.extend_from_slice(key);
        done
    }

    /// The last chunk, unless nothing is left.
    #[must_use]
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        (!self.chunk.is_empty()).then_some(self.chunk)
    }
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The place of an entry in the order of entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub kind: Kind,
    pub key: Vec<u8>,
}

/// Reads the entry at the begin of `take` into `place` and answers its value. `place` holds the entry before.
pub(crate) fn read(take: &mut Take<'_>, place: &mut Place) -> Result<Value, Malformed> {
    place.kind = Kind::from_code(take.byte()?)?;
    let shared: usize = take.number()?;
    if shared > place.key.len() {
        return Err(Malformed("a key shares more than there is"));
    }
    place.key.truncate(shared);
    place.key.extend_from_slice(take.blob()?);
    match place.kind {
        Kind::Agents => {
            let agents = Agents::decode(take.blob()?);
            agents.map(Value::Agents).map_err(|_| Malformed("user agents are not as they are written"))
        }
        Kind::Family | Kind::Path => counts(take).map(Value::Counts),
    }
}

fn counts(take: &mut Take<'_>) -> Result<Vec<Posting>, Malformed> {
    let n: u8 = take.number()?;
    if n == 0 || n > MINUTES {
        return Err(Malformed("a key has counts of no minute, or of more than 60"));
    }
    let mut counts = Vec::with_capacity(n.into());
    let mut next = 0u8;
    for _ in 0..n {
        let gap: u8 = take.number()?;
        let minute = next.checked_add(gap).filter(|minute| *minute < MINUTES);
        let minute = minute.ok_or(Malformed("a minute is beyond 59"))?;
        counts.push((minute, take.varint()?));
        next = minute + 1;
    }
    Ok(counts)
}
