//! Where the frames of a segment lie: in memory while it is written, beside it in a file afterwards.
//!
//! The file is a cache: it is made again from the segment's headers if it is absent or damaged.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use logmill_world::{File, Fs, Micros, Mode, replace};

use super::frame::FrameHead;
use super::state::{End, Lane, put_lane, take_lane};
use crate::codec::{Malformed, Put, Take};
use crate::contract::Offset;

const MAGIC: [u8; 4] = *b"LMI1";
/// A directory lists the lanes of one segment; more than this is damage.
const MAX_DIRECTORY: u64 = 16 << 20;
const ENTRY: usize = 16;
/// The log's first segment begins with nothing, whatever became of its snapshot.
pub(crate) const FIRST: u64 = 1;

/// One frame's place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub offset: Offset,
    pub at: u32,
    pub span: u32,
}

/// What a segment holds of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub first: End,
    pub end: End,
    entries: u32,
    crc: u32,
    from: u64,
}

/// What a segment holds, without the single frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub lanes: BTreeMap<Lane, Extent>,
    /// The latest arrival in the segment.
    pub newest: Micros,
    /// Where its last frame ends.
    pub tail: u32,
}

impl Summary {
    fn extent(&mut self, lane: &Lane, first: End) -> &mut Extent {
        let new = Extent { first, end: first, entries: 0, crc: 0, from: 0 };
        self.lanes.entry(lane.clone()).or_insert(new)
    }

    /// Answers for the frames between two places of a lane. Offsets without records were never acknowledged: a reader
    /// may come from there, but commits nothing behind them, so that they must not hold the segment.
    fn answer_for(&mut self, lane: &Lane, from: End, to: End) {
        if to.ordinal > from.ordinal {
            let extent = self.extent(lane, from);
            extent.end = if to.offset > extent.end.offset { to } else { extent.end };
        }
        if let Some(extent) = self.lanes.get_mut(lane) {
            extent.first = if from.offset < extent.first.offset { from } else { extent.first };
        }
    }
}

/// Lets a segment answer for each frame that no header tells of any more: the last one before it that knows of its
/// lane. Readers hear of the frame as long as that segment is there, and retention keeps it until they have.
/// A later one would not do: once those before it are gone, nothing tells that something was in front of it.
/// `begins`: the ends of all lanes where a segment begins, for those of which that is known.
pub(crate) fn add_missing(
    segments: &mut [(u64, &mut Summary)],
    begins: &BTreeMap<u64, BTreeMap<Lane, End>>,
    ends: &BTreeMap<Lane, End>,
) {
    for (lane, end) in ends {
        let mut known: Option<(&mut Summary, End)> = None;
        for (number, summary) in segments.iter_mut() {
            let held = summary.lanes.get(lane).map(|extent| (extent.first, extent.end));
            let begin = begins.get(number).map(|ends| ends.get(lane).copied().unwrap_or_default());
            let Some(from) = begin.or(held.map(|(first, _)| first)) else { continue };
            if let Some((before, end)) = known {
                before.answer_for(lane, end, from);
            }
            let (first, end) = held.unwrap_or((from, from));
            summary.answer_for(lane, from, first);
            known = Some((summary, end));
        }
        if let Some((last, from)) = known {
            last.answer_for(lane, from, *end);
        }
    }
}

/// The index of a segment while it is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveIndex {
    pub lanes: BTreeMap<Lane, Vec<Entry>>,
    pub summary: Summary,
}

impl LiveIndex {
    pub(crate) fn add(&mut self, lane: &Lane, first: End, count: u32, at: u32, span: u32, received: Micros) {
        let end = End { offset: first.offset + 1, ordinal: first.ordinal + u64::from(count) };
        let entry = Entry { offset: first.offset, at, span };
        if let (Some(entries), Some(extent)) = (self.lanes.get_mut(lane), self.summary.lanes.get_mut(lane)) {
            entries.push(entry);
            extent.end = end;
        } else {
            self.lanes.insert(lane.clone(), vec![entry]);
            self.summary.extent(lane, first).end = end;
        }
        self.summary.newest = self.summary.newest.max(received);
    }

    pub(crate) fn add_frame(&mut self, head: &FrameHead) {
        let lane = (head.topic.clone(), head.partition);
        let first = End { offset: head.offset, ordinal: head.ordinal };
        let (count, received) = (head.header.count, head.header.received_at);
        self.add(&lane, first, count, head.place.at, head.span() as u32, received);
    }

    /// Completes its summary and writes the index file. What it writes may be large and is held once.
    pub(crate) fn save(&self, summary: &mut Summary, fs: &dyn Fs, path: &Path) -> io::Result<()> {
        let mut body = Vec::new();
        for (lane, entries) in &self.lanes {
            let from = body.len();
            for entry in entries {
                body.put_u64(entry.offset);
                body.put_u32(entry.at);
                body.put_u32(entry.span);
            }
            if let Some(extent) = summary.lanes.get_mut(lane) {
                extent.entries = entries.len() as u32;
                extent.crc = crc32c::crc32c(body.get(from..).unwrap_or_default());
                extent.from = from as u64;
            }
        }
        body.splice(..0, encode_directory(summary));
        replace(fs, path, &body)
    }
}

fn encode_directory(summary: &Summary) -> Vec<u8> {
    let mut dir = Vec::new();
    dir.put_i64(summary.newest);
    dir.put_u32(summary.tail);
    for (lane, extent) in &summary.lanes {
        put_lane(&mut dir, lane);
        for end in [extent.first, extent.end] {
            dir.put_u64(end.offset);
            dir.put_u64(end.ordinal);
        }
        dir.put_u32(extent.entries);
        dir.put_u32(extent.crc);
        dir.put_u64(extent.from);
    }
    let mut out = MAGIC.to_vec();
    out.put_u32(crc32c::crc32c(&dir));
    out.put_blob(&dir);
    out
}

fn decode_directory(dir: &[u8]) -> Result<Summary, Malformed> {
    let mut take = Take(dir);
    let mut summary = Summary { newest: take.i64()?, tail: take.u32()?, ..Summary::default() };
    while !take.0.is_empty() {
        let lane = take_lane(&mut take)?;
        let mut end = || Ok(End { offset: take.u64()?, ordinal: take.u64()? });
        let (first, end) = (end()?, end()?);
        let extent = Extent { first, end, entries: take.u32()?, crc: take.u32()?, from: take.u64()? };
        summary.lanes.insert(lane, extent);
    }
    Ok(summary)
}

/// The length of the directory, if the 12 bytes of the file's head are whole.
fn directory_len(head: &[u8]) -> Result<(u32, u64), Malformed> {
    let mut take = Take(head);
    if take.array::<4>()? != MAGIC {
        return Err(Malformed);
    }
    let (crc, len) = (take.u32()?, u64::from(take.u32()?));
    if len > MAX_DIRECTORY { Err(Malformed) } else { Ok((crc, len)) }
}

fn read(file: &dyn File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let n = file.read_at(&mut bytes, at)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Reads a closed segment's summary. `None`: the file is absent or damaged and has to be made again.
pub(crate) fn load_summary(fs: &dyn Fs, path: &Path) -> io::Result<Option<Summary>> {
    let file = match fs.open(path, Mode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let Ok((crc, len)) = directory_len(&read(&*file, 0, 12)?) else { return Ok(None) };
    let dir = read(&*file, 12, len as usize)?;
    if dir.len() as u64 != len || crc32c::crc32c(&dir) != crc {
        return Ok(None);
    }
    Ok(decode_directory(&dir).ok())
}

/// Reads the places of one lane's frames. `None`: damaged, has to be made again.
pub(crate) fn load_entries(fs: &dyn Fs, path: &Path, extent: &Extent) -> io::Result<Option<Vec<Entry>>> {
    let file = match fs.open(path, Mode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let Ok((_, dir)) = directory_len(&read(&*file, 0, 12)?) else { return Ok(None) };
    let bytes = read(&*file, 12 + dir + extent.from, extent.entries as usize * ENTRY)?;
    if bytes.len() != extent.entries as usize * ENTRY || crc32c::crc32c(&bytes) != extent.crc {
        return Ok(None);
    }
    let mut take = Take(&bytes);
    let mut entry = || Ok(Entry { offset: take.u64()?, at: take.u32()?, span: take.u32()? });
    Ok((0..extent.entries).map(|_| entry()).collect::<Result<_, Malformed>>().ok())
}
