//! Finding and reading the frames of one lane, over damage and segments.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::frame::{self, FrameHead, Place};
use super::shared::{Found, Loaded, Lookup, Shared};
use super::state::{End, Lane};
use super::trail::Trail;
use crate::contract::{Class, Delivery, Frame, Offset, QueueError, Start, StartError};

/// A place in a lane, and what is needed to read on from there.
pub(crate) struct Cursor {
    shared: Arc<Shared>,
    lane: Lane,
    pub next: Offset,
    /// Records before `next`, once a frame has told.
    pub ordinal: Option<u64>,
    loaded: Option<Loaded>,
    /// A frame that was read behind a gap, to be delivered after the gap.
    pending: Option<Counted>,
    /// What was read of segments that are no longer meant to be in the page cache.
    trail: Trail,
}

/// What there is at a cursor.
#[allow(clippy::large_enum_variant)] // Moved once, right after it was made.
pub(crate) enum Step {
    Delivery(Delivery),
    End,
}

/// A frame with the number of records before it in its partition.
struct Counted {
    ordinal: u64,
    frame: Frame,
}

impl Cursor {
    pub(crate) fn new(shared: Arc<Shared>, lane: Lane, at: End) -> Self {
        Self {
            shared,
            lane,
            next: at.offset,
            ordinal: Some(at.ordinal),
            loaded: None,
            pending: None,
            trail: Trail::new(0),
        }
    }

    /// A cursor at `start`, if the log can be read from there.
    pub(crate) fn open(shared: &Arc<Shared>, lane: &Lane, start: Start) -> Result<Self, StartError> {
        let oldest = shared.oldest(lane);
        let end = shared.state().end(lane);
        let cursor = |at| Ok(Self::new(shared.clone(), lane.clone(), at));
        match start {
            Start::Oldest => cursor(oldest),
            Start::End => cursor(end),
            Start::At(log, _) if log != shared.position_id() => {
                Err(StartError::OtherLog { asked: log, found: shared.position_id() })
            }
            Start::At(_, asked) if asked > end.offset => {
                shared.break_history();
                Err(StartError::Beyond { asked, end: end.offset })
            }
            Start::At(_, asked) if asked < oldest.offset && !shared.is_hole(lane, asked, oldest) => {
                Err(StartError::Expired { asked, oldest: oldest.offset })
            }
            Start::At(_, asked) if asked <= oldest.offset => cursor(oldest),
            Start::At(_, asked) if asked == end.offset => cursor(end),
            Start::At(_, asked) => {
                let mut made = Self::new(shared.clone(), lane.clone(), End { offset: asked, ordinal: 0 });
                made.ordinal = Some(made.records_before(asked)?);
                Ok(made)
            }
        }
    }

    /// Finds the next frame at or behind `from`.
    fn find(&mut self, from: Offset) -> Result<Result<Found, End>, QueueError> {
        if let Some(found) = self.loaded.as_ref().and_then(|loaded| in_loaded(loaded, from)) {
            return Ok(Ok(found));
        }
        match self.shared.look_up(&self.lane, from) {
            Lookup::Live(found) => Ok(Ok(found)),
            Lookup::End(end) => Ok(Err(end)),
            Lookup::Closed(segment, file, summary) => {
                let loaded = self.shared.load(&self.lane, segment, file, &summary);
                let loaded = loaded.map_err(|e| QueueError::io("cannot read the index of a segment", e))?;
                let found = in_loaded(&loaded, from);
                self.loaded = Some(loaded);
                // Damaged headers may leave fewer entries than the summary promises: go behind them.
                let end = summary.lanes.get(&self.lane).map_or(from + 1, |extent| extent.end.offset);
                found.map_or_else(|| self.find(end.max(from + 1)), |found| Ok(Ok(found)))
            }
        }
    }

    /// Records before `offset`: as the frame there tells, or the last one before it that can be read.
    pub(crate) fn records_before(&mut self, offset: Offset) -> Result<u64, QueueError> {
        let (oldest, end) = (self.shared.oldest(&self.lane), self.shared.state().end(&self.lane));
        if offset >= end.offset {
            return Ok(end.ordinal);
        }
        for at in (oldest.offset..=offset).rev() {
            // What is loaded may begin behind `at`: `find` expects to go forward only.
            self.loaded = self.loaded.take().filter(|l| l.entries.first().is_some_and(|e| e.offset <= at));
            let Ok(found) = self.find(at)? else { continue };
            if found.entry.offset != at {
                continue;
            }
            let head =
                read_head(&found).map_err(|e| QueueError::io("cannot read a frame from its segment", e))?;
            if let Some(head) = head.filter(|head| head.offset == at && head.place.segment == found.segment) {
                let own = if at == offset { 0 } else { u64::from(head.header.count) };
                return Ok(head.ordinal + own);
            }
        }
        Ok(oldest.ordinal)
    }

    pub(crate) fn step(&mut self) -> Result<Step, QueueError> {
        if let Some(counted) = self.pending.take() {
            return Ok(Step::Delivery(self.deliver(counted)));
        }
        let mut from = self.next;
        loop {
            match self.find(from)? {
                Ok(found) => match self.read(&found)? {
                    Some(counted) => return self.arrive(counted).map(Step::Delivery),
                    None => from = found.entry.offset + 1,
                },
                Err(end) if end.offset > self.next => return Ok(self.gap_to(end)),
                Err(_) => return Ok(Step::End),
            }
        }
    }

    /// Everything up to the end is unreadable, or was never acknowledged.
    fn gap_to(&mut self, end: End) -> Step {
        let from = std::mem::replace(&mut self.next, end.offset);
        let before = self.ordinal.replace(end.ordinal).unwrap_or(end.ordinal);
        let records = end.ordinal.saturating_sub(before);
        if records == 0 {
            return Step::End;
        }
        Step::Delivery(Delivery::Damaged { from, to: end.offset, records })
    }

    fn arrive(&mut self, counted: Counted) -> Result<Delivery, QueueError> {
        let missing = counted.ordinal.saturating_sub(self.ordinal.unwrap_or(counted.ordinal));
        // Offsets without records were given to frames that were never acknowledged.
        if missing == 0 {
            return Ok(self.deliver(counted));
        }
        self.not_expired()?;
        let to = counted.frame.offset;
        let from = std::mem::replace(&mut self.next, to);
        self.ordinal = Some(counted.ordinal);
        self.pending = Some(counted);
        Ok(Delivery::Damaged { from, to, records: missing })
    }

    /// What retention removed under a reader is no damage. Only a scan can meet it: a position holds its frames.
    fn not_expired(&self) -> Result<(), QueueError> {
        let oldest = self.shared.oldest(&self.lane).offset;
        if self.next >= oldest {
            return Ok(());
        }
        let reason = format!("the frames from offset {} to {oldest} expired while they were read", self.next);
        Err(QueueError::new(Class::Invalid, reason))
    }

    fn deliver(&mut self, Counted { ordinal, frame }: Counted) -> Delivery {
        self.next = frame.offset + 1;
        self.ordinal = Some(ordinal + u64::from(frame.header.count));
        Delivery::Frame(frame)
    }

    /// Reads a frame; `None` if it is not what was written there.
    fn read(&mut self, found: &Found) -> Result<Option<Counted>, QueueError> {
        let frame = read_frame(found, &self.shared, &self.lane);
        let frame = frame.map_err(|e| QueueError::io("cannot read a frame from its segment", e))?;
        if self.shared.is_old(found.segment) {
            self.trail.pass(found.segment, &found.file, found.entry.at, found.entry.at + found.entry.span);
        }
        if frame.is_none() {
            self.not_expired()?;
            let (segment, from) = (found.segment, found.entry.at);
            let to = from + found.entry.span;
            tracing::error!(
                segment, from, to, topic = %self.lane.0, partition = self.lane.1.0,
                offset = found.entry.offset, "a frame is damaged and passed over"
            );
            if let Err(e) = self.shared.files.quarantine(segment, from, to) {
                tracing::warn!(error = %e, "a damaged frame could not be copied to the quarantine");
            }
        }
        Ok(frame)
    }
}

fn in_loaded(loaded: &Loaded, from: Offset) -> Option<Found> {
    let at = loaded.entries.partition_point(|entry| entry.offset < from);
    let entry = *loaded.entries.get(at)?;
    Some(Found { segment: loaded.segment, file: loaded.file.clone(), entry })
}

fn read_head(found: &Found) -> io::Result<Option<FrameHead>> {
    let mut start = [0; 16];
    found.file.read_at(&mut start, u64::from(found.entry.at))?;
    let Some((len, _)) = frame::lengths(&start) else { return Ok(None) };
    let mut bytes = vec![0; len];
    found.file.read_at(&mut bytes, u64::from(found.entry.at))?;
    Ok(frame::decode(&bytes).ok())
}

fn read_frame(found: &Found, shared: &Shared, lane: &Lane) -> io::Result<Option<Counted>> {
    let mut bytes = BytesMut::zeroed(found.entry.span as usize);
    // Where the file ends early, only the zeros behind the payload may be missing.
    let read = found.file.read_at(&mut bytes, u64::from(found.entry.at))?;
    bytes.truncate(read);
    let Ok(head) = frame::decode(&bytes) else { return Ok(None) };
    let place = Place { segment: found.segment, at: found.entry.at };
    let as_indexed = head.log == shared.id
        && head.place == place
        && head.offset == found.entry.offset
        && (&head.topic, head.partition) == (&lane.0, lane.1)
        && head.span() == found.entry.span as usize;
    if !as_indexed {
        return Ok(None);
    }
    Ok(payload(&head, &bytes.freeze()).map(|payload| Counted {
        ordinal: head.ordinal,
        frame: Frame { offset: head.offset, header: head.header, payload },
    }))
}

fn payload(head: &FrameHead, bytes: &Bytes) -> Option<Bytes> {
    let from = head.header_len as usize;
    let to = from + head.payload_len as usize;
    let whole = bytes.get(from..to).is_some_and(|payload| crc32c::crc32c(payload) == head.payload_crc);
    whole.then(|| bytes.slice(from..to))
}
