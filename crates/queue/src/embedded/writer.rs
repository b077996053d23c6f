//! The one writer: gathers what waits, writes it in one go, syncs once, and only then tells anybody.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use logmill_world::{File, Micros};
use tokio::sync::mpsc;

use super::frame::{Kind, Place, Stamp};
use super::index::Summary;
use super::retention;
use super::segment::{write_frames, write_snapshot};
use super::shared::{Closed, Live, Shared};
use super::state::{End, Lane, LogState};
use super::trail::{RECENT, Trail};
use super::unit::{Unit, control};
use crate::contract::{AppendError, Class, Position, QueueError};
use crate::keys::Keys;

/// Bytes and units of one group at most: larger groups win nothing and delay the first of them.
const MAX_GROUP: (usize, usize) = (8 << 20, 2048);
/// After so long without appends a mark covers the last frame.
const QUIET: Duration = Duration::from_millis(100);
/// How often free space and retention are looked at.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Room at a segment's end that only positions and marks may use, so that consumers can go on, and
/// retention can make room, when no further segment can be had.
const CONTROL_ROOM: usize = 256 * 1024;

/// The writer and the segment it writes.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    keys: Arc<Keys>,
    number: u64,
    file: Arc<dyn File>,
    tail: u32,
    /// The greatest place known durable.
    mark: Place,
    /// Ends with the frames that are being written; readers see `shared.state` only.
    ends: BTreeMap<Lane, End>,
    /// Something was written since the last mark.
    unmarked: bool,
    /// The segment may not be written any more: a sync failed in it.
    broken: bool,
    trail: Trail,
    checked: Duration,
}

/// Frames of a group in one lane, placed but not yet durable.
struct Placed {
    lane: Lane,
    first: End,
    count: u32,
    at: u32,
    span: u32,
    received_at: Micros,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, keys: Arc<Keys>, file: Arc<dyn File>, mark: Place) -> Self {
        let ends = shared.state().log.ends.clone();
        let (number, tail) = (mark.segment, mark.at);
        Self {
            shared,
            keys,
            number,
            file,
            tail,
            mark,
            ends,
            unmarked: true,
            broken: false,
            trail: Trail::new(RECENT),
            checked: Duration::ZERO,
        }
    }

    /// Serves until every handle of the log is gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Unit>) {
        loop {
            let first = tokio::select! {
                biased;
                unit = inbox.recv() => unit,
                () = self.shared.world.clock().sleep(QUIET), if self.unmarked => {
                    self.write_mark();
                    continue;
                }
                () = self.shared.world.clock().sleep(HOUSEKEEPING), if !self.unmarked => {
                    self.keep_house();
                    continue;
                }
            };
            let Some(first) = first else { break };
            self.serve(gather(first, &mut inbox));
        }
        self.write_mark();
    }

    fn serve(&mut self, units: Vec<Unit>) {
        self.keep_house();
        let (units, refused) = self.admit(units);
        for (unit, error) in refused {
            unit.settle(Err(error));
        }
        let mut rest = units;
        while !rest.is_empty() {
            let group = self.cut_group(&mut rest);
            self.store(group);
        }
    }

    /// Fences commits of former owners, and refuses data while there is trouble.
    fn admit(&self, units: Vec<Unit>) -> (Vec<Unit>, Vec<(Unit, AppendError)>) {
        let trouble = self.shared.state().trouble.clone();
        let (mut admitted, mut refused) = (Vec::with_capacity(units.len()), Vec::new());
        for unit in units {
            let fenced = unit.commit.as_ref().is_some_and(|commit| !commit.lease.is_held());
            if fenced {
                let error = QueueError::new(Class::Invalid, "the partition has another owner");
                refused.push((unit, AppendError::Refused(error)));
            } else if let (Some(error), true) = (&trouble, unit.has_data()) {
                refused.push((unit, AppendError::Refused(error.clone())));
            } else {
                admitted.push(unit);
            }
        }
        (admitted, refused)
    }

    /// As many of the units as one group may hold.
    fn cut_group(&self, units: &mut Vec<Unit>) -> Vec<Unit> {
        let limit = self.shared.config.segment_bytes as usize / 4;
        let sums = units.iter().scan(0, |sum, unit| {
            *sum += unit.span();
            Some(*sum)
        });
        let n = sums.take_while(|sum| *sum <= limit).count().max(1);
        let rest = units.split_off(n.min(units.len()));
        std::mem::replace(units, rest)
    }

    /// Makes one group durable and tells everybody; or tells its callers what went wrong.
    fn store(&mut self, mut units: Vec<Unit>) {
        let span: usize = units.iter().map(Unit::span).sum();
        if span == 0 {
            // Its callers only want to know that all before them is settled.
            return units.into_iter().for_each(|unit| unit.settle(Ok(None)));
        }
        let reserve = if units.iter().any(Unit::has_data) { CONTROL_ROOM } else { 0 };
        if let Err(error) = self.make_room(span + self.control_room(reserve)) {
            self.refuse(units, &QueueError::io("the log cannot begin another segment", error));
            return;
        }
        let placed = self.stamp(&mut units);
        if let Err(error) = self.write(&units) {
            // What was written is no whole group; the next segment says that this one ended before it.
            self.ends.clone_from(&self.shared.state().log.ends);
            self.broken = true;
            self.refuse(units, &QueueError::io("the log cannot be written", error));
            return;
        }
        if let Err(error) = self.file.sync_data() {
            self.give_up_segment(units, error);
            return;
        }
        self.leave_behind(span as u32);
        self.mark = Place { segment: self.number, at: self.tail };
        self.unmarked = true;
        self.publish(units, placed);
    }

    /// Moves the tail over bytes that are durable now.
    fn leave_behind(&mut self, span: u32) {
        let before = self.tail;
        self.tail += span;
        self.trail.pass(self.number, &self.file, before, self.tail);
        self.shared.set_recent(self.trail.oldest().unwrap_or(self.number));
    }

    fn control_room(&self, wanted: usize) -> usize {
        wanted.min(self.shared.config.segment_bytes as usize / 8)
    }

    /// Gives each frame its place and number.
    fn stamp(&mut self, units: &mut [Unit]) -> Vec<Placed> {
        let frames: usize = units.iter().map(|unit| unit.frames.len()).sum();
        let mut placed = Vec::with_capacity(frames);
        let mut at = self.tail;
        for frame in units.iter_mut().flat_map(|unit| &mut unit.frames) {
            let lane = (frame.topic.clone(), frame.partition);
            let end = self.ends.entry(lane.clone()).or_default();
            let first = *end;
            if frame.is_data {
                end.offset += 1;
                end.ordinal += u64::from(frame.count);
            }
            let (count, span, received_at) = (frame.count, frame.span() as u32, frame.received_at);
            placed.push(Placed { lane, first, count, at, span, received_at });
            let stamp = Stamp {
                log: self.shared.id,
                place: Place { segment: self.number, at },
                group_at: self.tail,
                mark: self.mark,
                last: placed.len() == frames,
                offset: first.offset,
                ordinal: first.ordinal,
            };
            frame.stamp(&stamp);
            at += span;
        }
        placed
    }

    fn write(&self, units: &[Unit]) -> io::Result<()> {
        let frames = units.iter().flat_map(|unit| &unit.frames);
        write_frames(&*self.file, frames, self.tail, self.shared.config.segment_bytes)
    }

    /// Lets readers see the group, then answers its callers.
    fn publish(&mut self, units: Vec<Unit>, placed: Vec<Placed>) {
        let frames = units.iter().flat_map(|unit| &unit.frames);
        let mut state = self.shared.state();
        for (frame, placed) in frames.zip(&placed) {
            if frame.is_data {
                let Placed { lane, first, count, at, span, received_at } = placed;
                Arc::make_mut(&mut state.live.index).add(lane, *first, *count, *at, *span, *received_at);
                let end = End { offset: first.offset + 1, ordinal: first.ordinal + u64::from(*count) };
                state.log.raise_end(lane, end);
            }
        }
        for commit in units.iter().filter_map(|unit| unit.commit.as_ref()) {
            let lane = (commit.lease.topic.clone(), commit.lease.partition);
            state.log.set_position(commit.group.clone(), lane, commit.stored.clone());
        }
        drop(state);
        self.shared.tell_durable();
        let mut placed = placed.into_iter();
        for unit in units {
            let first = self.remember(&unit, &mut placed);
            unit.settle(Ok(first));
        }
    }

    /// Adds the unit's keys to the index; answers where its first data frame lies.
    fn remember(&self, unit: &Unit, placed: &mut impl Iterator<Item = Placed>) -> Option<Position> {
        let mut position = None;
        for (frame, placed) in unit.frames.iter().zip(placed) {
            if !frame.is_data {
                continue;
            }
            let (partition, offset) = (frame.partition, placed.first.offset);
            position.get_or_insert(Position { log: self.shared.position_id(), partition, offset });
            if let Some(key) = &frame.key {
                self.keys.remember(key, frame.received_at, frame.accepted, partition, offset);
            }
        }
        position
    }

    fn refuse(&self, units: Vec<Unit>, error: &QueueError) {
        tracing::error!(%error, units = units.len(), "the log refuses to store");
        for unit in units {
            unit.settle(Err(AppendError::Refused(error.clone())));
        }
    }

    /// After a failed sync the pages count as clean though they were never written: the same sync is not
    /// tried again, what it covered is never delivered, and the segment ends at the last durable mark.
    fn give_up_segment(&mut self, units: Vec<Unit>, error: io::Error) {
        let error = QueueError::io("the sync of the log failed", error);
        tracing::error!(%error, segment = self.number, at = self.tail, "the segment is closed");
        self.broken = true;
        // The offsets stay used, since a reader may find the frames after a restart; the records do not count.
        let state = self.shared.state();
        self.ends.iter_mut().for_each(|(lane, end)| end.ordinal = state.end(lane).ordinal);
        drop(state);
        for unit in units {
            unit.settle(Err(AppendError::Unknown(error.clone())));
        }
    }

    /// Sees to it that `span` bytes fit into the segment, in a new one if need be.
    fn make_room(&mut self, span: usize) -> io::Result<()> {
        let left = (self.shared.config.segment_bytes as usize).saturating_sub(self.tail as usize);
        if self.broken || span > left { self.roll() } else { Ok(()) }
    }

    /// Closes the segment at the durable mark and begins the next one.
    fn roll(&mut self) -> io::Result<()> {
        let now = self.shared.world.clock().wall();
        self.keys.seal(now)?;
        let number = self.number + 1;
        let file = self.shared.files.begin(number, self.shared.config.segment_bytes.into())?;
        // From here on the next segment may be found at a start, so this one takes nothing more.
        self.broken = true;
        let active = write_snapshot(
            self.shared.id,
            file,
            number,
            &self.snapshot(),
            now,
            self.shared.config.segment_bytes,
        )?;
        let summary = self.close_index();
        let before = std::mem::replace(&mut self.file, active.file.into());
        let mut state = self.shared.state();
        state.closed.insert(self.number, Closed { file: before, summary });
        state.live = Live { number, file: self.file.clone(), index: Arc::default() };
        state.log.ends.clone_from(&self.ends);
        drop(state);
        (self.number, self.tail, self.broken) = (number, active.tail, false);
        self.mark = Place { segment: number, at: active.tail };
        self.keys.merge_beside(&self.shared.world, now);
        Ok(())
    }

    fn snapshot(&self) -> LogState {
        let positions = self.shared.state().log.positions.clone();
        LogState { previous_end: self.mark, ends: self.ends.clone(), positions }
    }

    /// Writes the index of the segment that ends. A failure loses nothing: it is made again when needed.
    fn close_index(&self) -> Summary {
        let index = self.shared.state().live.index.clone();
        let mut summary = index.summary.clone();
        summary.tail = self.mark.at;
        let path = self.shared.files.index_path(self.number);
        let saved = index.save(&mut summary, &**self.shared.files.fs(), &path);
        if let Err(error) = saved {
            tracing::warn!(segment = self.number, %error, "the index of a segment could not be written");
        }
        summary
    }

    /// A frame without records that carries the mark, so that damage to the last frame is not taken for a
    /// write that was cut short.
    fn write_mark(&mut self) {
        self.unmarked = false;
        let ends = LogState { ends: self.ends.clone(), ..LogState::default() };
        let Ok(frame) = control(Kind::Mark, ends.encode(), self.shared.world.clock().wall()) else { return };
        let span = frame.span();
        let left = (self.shared.config.segment_bytes as usize).saturating_sub(self.tail as usize);
        // No segment is begun for a mark alone.
        if self.broken || span > left {
            return;
        }
        let mut units = vec![Unit::new(vec![frame], None)];
        self.stamp(&mut units);
        let written = self.write(&units).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.tail += span as u32;
                self.mark.at = self.tail;
            }
            Err(error) => self.give_up_segment(Vec::new(), error),
        }
    }

    /// Once a second: free space, retention, keys.
    fn keep_house(&mut self) {
        let now = self.shared.world.clock().monotonic();
        if now.saturating_sub(self.checked) < HOUSEKEEPING && self.checked != Duration::ZERO {
            return;
        }
        self.checked = now;
        let trouble = retention::apply(&self.shared);
        self.shared.state().trouble = trouble;
        if self.keys.is_heavy()
            && let Err(error) = self.keys.seal(self.shared.world.clock().wall())
        {
            tracing::warn!(%error, "the keys in memory could not be written");
        }
    }
}

fn gather(first: Unit, inbox: &mut mpsc::Receiver<Unit>) -> Vec<Unit> {
    let mut bytes = first.span();
    let mut units = vec![first];
    while bytes < MAX_GROUP.0 && units.len() < MAX_GROUP.1 {
        let Ok(unit) = inbox.try_recv() else { break };
        bytes += unit.span();
        units.push(unit);
    }
    units
}
