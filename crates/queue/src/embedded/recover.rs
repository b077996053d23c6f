//! Finding the log's state again after whatever ended the process.
//!
//! Only the last segment is read. What lies at or below its greatest durable mark was acknowledged: a bad
//! frame there is damage, named and passed over. Beyond the mark only whole groups count, the rest is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};

use logmill_world::{File, Micros, Mode};

use super::files::Files;
use super::frame::{self, FrameHead, Kind, Place};
use super::index::{self, FIRST, LiveIndex, Summary, load_summary};
use super::state::{DROPPED, End, Lane, LogState, decode_position};
use super::walk::Walk;
use crate::contract::{Key, LogId, Offset};

/// The smallest frame there can be: a header without names.
const SMALLEST_FRAME: usize = frame::FIXED;
/// Bytes of the tail that are written again at once.
const REWRITE: usize = 1 << 20;

/// Bytes of a segment that were acknowledged and cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub segment: u64,
    pub from: u32,
    pub to: u32,
}

/// A keyed frame of the last segment, for the index of keys.
#[derive(Clone, Debug)]
pub(crate) struct KeyedFrame {
    pub key: Key,
    pub received_at: Micros,
    pub accepted: u32,
    pub lane: Lane,
    pub offset: Offset,
}

/// The segment that is written on.
pub(crate) struct Active {
    pub number: u64,
    pub file: Box<dyn File>,
    pub tail: u32,
    pub live: LiveIndex,
}

/// Everything that a start needs to know.
#[derive(Default)]
pub(crate) struct Recovered {
    pub log: Option<LogId>,
    pub active: Option<Active>,
    pub state: LogState,
    pub closed: BTreeMap<u64, Summary>,
    pub keyed: Vec<KeyedFrame>,
    pub damage: Vec<Damage>,
    pub cut: Option<Damage>,
}

pub(crate) fn recover(files: &Files) -> io::Result<Recovered> {
    let mut numbers = files.segments()?;
    let mut out = Recovered::default();
    // A segment that was being begun when the process ended holds none of its own frames yet.
    let Some((last, log)) = find_last(files, &mut numbers)? else { return Ok(out) };
    out.log = Some(log);
    numbers.retain(|&n| n < last);
    let base = load_base(files, &numbers, last, log, &mut out.state)?;
    // The snapshot that was found tells where its segment begins; the first segment begins with nothing.
    let begins = BTreeMap::from([(FIRST, BTreeMap::new()), (base, out.state.ends.clone())]);
    for &number in numbers.iter().filter(|&&n| n >= base) {
        replay_closed(files, number, log, &mut out)?;
    }
    for &number in &numbers {
        let summary = summary(files, number, log)?;
        // An index may know of frames that no header and no snapshot tells of any more.
        summary.lanes.iter().for_each(|(lane, extent)| out.state.raise_end(lane, extent.end));
        out.closed.insert(number, summary);
    }
    let mut active = replay_last(files, last, log, &mut out)?;
    let closed = out.closed.iter_mut().map(|(number, summary)| (*number, summary));
    let mut segments: Vec<_> = closed.chain([(last, &mut active.live.summary)]).collect();
    index::add_missing(&mut segments, &begins, &out.state.ends);
    out.active = Some(active);
    Ok(out)
}

fn find_last(files: &Files, numbers: &mut Vec<u64>) -> io::Result<Option<(u64, LogId)>> {
    while let Some(number) = numbers.pop() {
        let file = files.open(number, Mode::Read)?;
        if let Some(head) = Walk::new(&*file, number, None)?.next(0)? {
            return Ok(Some((number, head.log)));
        }
        files.to_spare(number)?;
    }
    Ok(None)
}

/// The state at the start of a segment, if its first frame tells it.
fn snapshot(walk: &mut Walk<'_>) -> io::Result<Option<LogState>> {
    let Some(head) = walk.head(0)? else { return Ok(None) };
    if head.kind != Kind::Snapshot || !walk.payload_is_whole(&head)? {
        return Ok(None);
    }
    Ok(LogState::decode(&walk.payload(&head)?).ok())
}

/// Loads the latest readable snapshot; answers the segment it stands in (0 if there is none).
fn load_base(files: &Files, closed: &[u64], last: u64, log: LogId, state: &mut LogState) -> io::Result<u64> {
    for &number in std::iter::once(&last).chain(closed.iter().rev()) {
        let file = files.open(number, Mode::Read)?;
        if let Some(found) = snapshot(&mut Walk::new(&*file, number, Some(log))?)? {
            *state = found;
            return Ok(number);
        }
    }
    Ok(0)
}

/// The snapshot at the start of a segment, if there is such a segment and it can be read.
fn snapshot_of(files: &Files, number: u64, log: LogId) -> io::Result<Option<LogState>> {
    let Ok(file) = files.open(number, Mode::Read) else { return Ok(None) };
    snapshot(&mut Walk::new(&*file, number, Some(log))?)
}

/// Where a closed segment ends, as the snapshot of the next one says.
fn closed_end(files: &Files, number: u64, log: LogId) -> io::Result<Option<usize>> {
    let state = snapshot_of(files, number + 1, log)?;
    let end = state.map(|state| state.previous_end).filter(|end| end.segment == number);
    Ok(end.map(|end| end.at as usize))
}

/// Makes the index of a closed segment again from its headers.
pub(crate) fn rebuild_index(files: &Files, number: u64, log: LogId) -> io::Result<LiveIndex> {
    let mut live = LiveIndex::default();
    let (tail, _) = visit_closed(files, number, log, |head, _| {
        if head.kind == Kind::Data {
            live.add_frame(head);
        }
        Ok(())
    })?;
    let (begin, end) = (snapshot_of(files, number, log)?, snapshot_of(files, number + 1, log)?);
    if let (Some(begin), Some(end)) = (begin, end) {
        let begins = BTreeMap::from([(number, begin.ends)]);
        index::add_missing(&mut [(number, &mut live.summary)], &begins, &end.ends);
    }
    live.summary.tail = tail as u32;
    let mut summary = std::mem::take(&mut live.summary);
    live.save(&mut summary, &**files.fs(), &files.index_path(number))?;
    live.summary = summary;
    Ok(live)
}

/// Visits the frames of a closed segment, over damage.
pub(crate) fn visit_closed(
    files: &Files,
    number: u64,
    log: LogId,
    mut visit: impl FnMut(&FrameHead, &mut Walk<'_>) -> io::Result<()>,
) -> io::Result<(usize, Vec<Damage>)> {
    let file = files.open(number, Mode::Read)?;
    let mut walk = Walk::new(&*file, number, Some(log))?;
    let end = closed_end(files, number, log)?;
    let (mut at, mut damage) = (0, Vec::new());
    while end.is_none_or(|end| at < end) {
        let found = walk.next(at)?.filter(|head| end.is_none_or(|end| (head.place.at as usize) < end));
        let start = found.as_ref().map_or(end.unwrap_or(at), |head| head.place.at as usize);
        if start > at {
            damage.push(Damage { segment: number, from: at as u32, to: start as u32 });
        }
        at = start;
        let Some(head) = found else { break };
        visit(&head, &mut walk)?;
        at += head.span();
    }
    Ok((at, damage))
}

fn replay_closed(files: &Files, number: u64, log: LogId, out: &mut Recovered) -> io::Result<()> {
    let state = &mut out.state;
    let mut unreadable = Vec::new();
    let (_, damage) = visit_closed(files, number, log, |head, walk| {
        if !apply(state, head, walk)? {
            unreadable.push(damage_of(head));
        }
        Ok(())
    })?;
    out.damage.extend(damage.into_iter().chain(unreadable));
    Ok(())
}

/// The summary of a closed segment; its index file is made again if need be.
pub(crate) fn summary(files: &Files, number: u64, log: LogId) -> io::Result<Summary> {
    let path = files.index_path(number);
    if let Some(summary) = load_summary(&**files.fs(), &path)? {
        return Ok(summary);
    }
    rebuild_index(files, number, log).map(|live| live.summary)
}

fn damage_of(head: &FrameHead) -> Damage {
    let Place { segment, at } = head.place;
    Damage { segment, from: at, to: at + head.span() as u32 }
}

/// What a frame changes in the log's state. Answers `false` for a frame of the log's own that cannot be read;
/// what became of data is for its readers to find out.
fn apply(state: &mut LogState, head: &FrameHead, walk: &mut Walk<'_>) -> io::Result<bool> {
    let lane = (head.topic.clone(), head.partition);
    if head.kind == Kind::Data {
        let ordinal = head.ordinal + u64::from(head.header.count);
        state.raise_end(&lane, End { offset: head.offset + 1, ordinal });
        return Ok(true);
    }
    if !walk.payload_is_whole(head)? {
        return Ok(false);
    }
    let payload = walk.payload(head)?;
    match head.kind {
        Kind::Position => {
            if let Ok((group, stored)) = decode_position(&payload) {
                if stored.committed.offset != DROPPED {
                    let end = End { offset: stored.committed.offset, ordinal: stored.ordinal };
                    state.raise_end(&lane, end);
                }
                state.set_position(group, lane, stored);
            }
        }
        _ => {
            if let Ok(found) = LogState::decode(&payload) {
                found.ends.iter().for_each(|(lane, end)| state.raise_end(lane, *end));
                found
                    .positions
                    .into_iter()
                    .for_each(|(key, stored)| drop(state.positions.insert(key, stored)));
            }
        }
    }
    Ok(true)
}

/// The greatest place in this segment that any of its frames knows to be durable, and where the last of its
/// frames ends, whatever became of those before it.
fn greatest_mark(walk: &mut Walk<'_>, number: u64) -> io::Result<(usize, usize)> {
    let (mut at, mut mark) = (0, 0);
    while let Some(head) = walk.next(at)? {
        if head.mark.segment == number {
            mark = mark.max(head.mark.at as usize);
        }
        at = head.place.at as usize + head.span();
    }
    Ok((mark, at))
}

/// The replay of the last segment.
struct Replay<'a> {
    out: &'a mut Recovered,
    live: LiveIndex,
    /// Lanes that may have lost their newest frames to damage, so that their end is not known.
    unsure: BTreeSet<Lane>,
    lost: usize,
    tail: usize,
}

impl Replay<'_> {
    fn accept(&mut self, head: &FrameHead, walk: &mut Walk<'_>) -> io::Result<()> {
        let whole = apply(&mut self.out.state, head, walk)?;
        self.tail = head.place.at as usize + head.span();
        if !whole {
            self.out.damage.push(damage_of(head));
        }
        match head.kind {
            Kind::Data => self.accept_data(head),
            Kind::Mark if whole => self.unsure.clear(),
            Kind::Position | Kind::Snapshot | Kind::Mark => {}
        }
        Ok(())
    }

    fn accept_data(&mut self, head: &FrameHead) {
        let lane = (head.topic.clone(), head.partition);
        self.unsure.remove(&lane);
        self.live.add_frame(head);
        if let Some(key) = head.header.key {
            let accepted = head.header.accepted();
            let received_at = head.header.received_at;
            self.out.keyed.push(KeyedFrame { key, received_at, accepted, lane, offset: head.offset });
        }
    }

    fn damaged(&mut self, number: u64, from: usize, to: usize) {
        self.out.damage.push(Damage { segment: number, from: from as u32, to: to as u32 });
        self.unsure = self.out.state.ends.keys().cloned().collect();
        self.lost += to - from;
        self.tail = to;
    }

    /// An offset that a lost frame may have had is not used again.
    fn skip_lost_offsets(&mut self) {
        let frames = (self.lost / SMALLEST_FRAME + 1) as u64;
        for lane in std::mem::take(&mut self.unsure) {
            let end = self.out.state.ends.entry(lane).or_default();
            end.offset += frames;
        }
    }
}

fn replay_last(files: &Files, number: u64, log: LogId, out: &mut Recovered) -> io::Result<Active> {
    let file = files.open(number, Mode::Write)?;
    let mut walk = Walk::new(&*file, number, Some(log))?;
    let (sure, last_end) = greatest_mark(&mut walk, number)?;
    let mut replay = Replay { out, live: LiveIndex::default(), unsure: BTreeSet::new(), lost: 0, tail: 0 };
    let mut at = 0;
    while at < sure {
        let next = walk.next(at)?.filter(|head| (head.place.at as usize) < sure);
        let start = next.as_ref().map_or(sure, |head| head.place.at as usize);
        if start > at {
            replay.damaged(number, at, start);
        }
        at = start;
        if let Some(head) = next {
            replay.accept(&head, &mut walk)?;
            at += head.span();
        }
    }
    let cut = replay_tail(&mut walk, at, &mut replay)?;
    // Frames behind one that is torn are as little whole as it is.
    let cut = cut.into_iter().chain([last_end]).filter(|to| *to > replay.tail).max();
    replay.skip_lost_offsets();
    let (tail, mut live) = (replay.tail as u32, replay.live);
    live.summary.tail = tail;
    out.cut = cut.map(|to| Damage { segment: number, from: tail, to: to as u32 });
    write_again(&*file, sure, tail as usize)?;
    Ok(Active { number, file, tail, live })
}

/// Makes a range durable that may only be in the page cache: readers see nothing else. A sync alone is not
/// enough, since after one that failed in the process before the pages count as clean.
fn write_again(file: &dyn File, mut from: usize, to: usize) -> io::Result<()> {
    let mut bytes = vec![0; REWRITE.min(to.saturating_sub(from))];
    while from < to {
        let n = file.read_at(&mut bytes, from as u64)?.min(to - from);
        let Some(part) = bytes.get(..n).filter(|part| !part.is_empty()) else { break };
        file.write_at(&[IoSlice::new(part)], from as u64)?;
        from += n;
    }
    file.sync_data()
}

/// Takes whole groups from `at` on. Answers where the bytes end that have to be cut, if there are any.
fn replay_tail(walk: &mut Walk<'_>, mut at: usize, replay: &mut Replay<'_>) -> io::Result<Option<usize>> {
    let mut group: Vec<FrameHead> = Vec::new();
    replay.tail = at;
    loop {
        let begin = group.first().map_or(at, |head| head.place.at as usize);
        let head = walk.head(at)?.filter(|head| head.group_at as usize == begin);
        let Some(head) = head else { return Ok((!group.is_empty()).then_some(at)) };
        at += head.span();
        if !walk.payload_is_whole(&head)? {
            return Ok(Some(at));
        }
        let last = head.last;
        group.push(head);
        if last {
            group.drain(..).try_for_each(|head| replay.accept(&head, walk))?;
        }
    }
}

/// Overwrites what was cut, so that its frames are never taken for a part of the group that is written there
/// next.
pub(crate) fn erase(active: &Active, cut: &Damage) -> io::Result<()> {
    let zeros = vec![0; cut.to.saturating_sub(cut.from) as usize];
    active.file.write_at(&[IoSlice::new(&zeros)], cut.from.into())?;
    active.file.sync_data()
}

/// The mark that the first frame of a new segment carries.
pub(crate) fn mark_of(active: &Active) -> Place {
    Place { segment: active.number, at: active.tail }
}
