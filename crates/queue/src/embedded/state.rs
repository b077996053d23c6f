//! What a segment's snapshot holds: enough to read the log from there on without what came before.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::frame::Place;
use crate::codec::{Malformed, Put, Take};
use crate::contract::{Committed, Group, Note, Offset, Partition, Topic};

/// A partition of a topic, as a map key.
pub(crate) type Lane = (Topic, Partition);

/// The next offset and the records before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub offset: Offset,
    pub ordinal: u64,
}

/// A group's position, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub committed: Committed,
    /// Records before the position in its partition.
    pub ordinal: u64,
}

/// The offset of a position that was given up.
pub(crate) const DROPPED: Offset = Offset::MAX;

/// The log's state at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogState {
    /// Where the segment before ends: bytes behind it were never acknowledged.
    pub previous_end: Place,
    pub ends: BTreeMap<Lane, End>,
    pub positions: BTreeMap<(Group, Lane), Stored>,
}

impl LogState {
    /// Takes over a position, or forgets one that was given up.
    pub(crate) fn set_position(&mut self, group: Group, lane: Lane, stored: Stored) {
        if stored.committed.offset == DROPPED {
            self.positions.remove(&(group, lane));
        } else {
            self.positions.insert((group, lane), stored);
        }
    }

    /// Offsets continue behind everything that anybody has seen.
    pub(crate) fn raise_end(&mut self, lane: &Lane, end: End) {
        let known = self.ends.entry(lane.clone()).or_default();
        known.offset = known.offset.max(end.offset);
        known.ordinal = known.ordinal.max(end.ordinal);
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        out.put_u64(self.previous_end.segment);
        out.put_u32(self.previous_end.at);
        out.put_u32(self.ends.len() as u32);
        for (lane, end) in &self.ends {
            put_lane(&mut out, lane);
            out.put_u64(end.offset);
            out.put_u64(end.ordinal);
        }
        out.put_u32(self.positions.len() as u32);
        for ((group, lane), stored) in &self.positions {
            put_lane(&mut out, lane);
            put_stored(&mut out, group, stored);
        }
        out.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut take = Take(bytes);
        let mut state =
            Self { previous_end: Place { segment: take.u64()?, at: take.u32()? }, ..Self::default() };
        for _ in 0..take.u32()? {
            let lane = take_lane(&mut take)?;
            state.ends.insert(lane, End { offset: take.u64()?, ordinal: take.u64()? });
        }
        for _ in 0..take.u32()? {
            let lane = take_lane(&mut take)?;
            let (group, stored) = take_stored(&mut take)?;
            state.positions.insert((group, lane), stored);
        }
        take.end()?;
        Ok(state)
    }
}

/// The payload of a position frame; its header names topic and partition.
pub(crate) fn encode_position(group: &Group, stored: &Stored) -> Bytes {
    let mut out = Vec::new();
    put_stored(&mut out, group, stored);
    out.into()
}

pub(crate) fn decode_position(bytes: &[u8]) -> Result<(Group, Stored), Malformed> {
    let mut take = Take(bytes);
    let found = take_stored(&mut take)?;
    take.end()?;
    Ok(found)
}

pub(crate) fn put_lane(out: &mut Vec<u8>, (topic, partition): &Lane) {
    out.put_text(topic.as_str());
    out.put_u16(partition.0);
}

pub(crate) fn take_lane(take: &mut Take<'_>) -> Result<Lane, Malformed> {
    let topic = Topic::new(take.text()?).map_err(|_| Malformed)?;
    Ok((topic, Partition(take.u16()?)))
}

fn put_stored(out: &mut Vec<u8>, group: &Group, stored: &Stored) {
    out.put_text(group.as_str());
    out.put_u64(stored.committed.offset);
    out.put_u64(stored.ordinal);
    out.put_blob(stored.committed.note.as_str().as_bytes());
}

fn take_stored(take: &mut Take<'_>) -> Result<(Group, Stored), Malformed> {
    let group = Group::new(take.text()?).map_err(|_| Malformed)?;
    let (offset, ordinal) = (take.u64()?, take.u64()?);
    let note = std::str::from_utf8(take.blob()?).map_err(|_| Malformed)?;
    let note = Note::new(note.to_owned()).map_err(|_| Malformed)?;
    Ok((group, Stored { committed: Committed { offset, note }, ordinal }))
}
