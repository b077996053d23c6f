//! Writing frames into a segment, and its first one.

use std::io::{self, IoSlice};

use logmill_world::{File, Micros};

use super::frame::{ALIGN, Kind, Place, Prepared, Stamp};
use super::index::LiveIndex;
use super::recover::Active;
use super::state::LogState;
use super::trail;
use super::unit::control;
use crate::contract::LogId;

const PAGE: usize = trail::PAGE as usize;
const ZEROS: [u8; PAGE + ALIGN] = [0; PAGE + ALIGN];

/// Writes frames one after the other, in one go, and zeros behind them up to the end of the page: a file that
/// is used again has other bytes there, and the system would read them from the disk for a part of a page. They are
/// one part with the last frame's own zeros, so that a write cannot fail between a whole group and them.
pub(crate) fn write_frames<'a>(
    file: &dyn File,
    frames: impl Iterator<Item = &'a Prepared>,
    at: u32,
    segment_bytes: u32,
) -> io::Result<()> {
    let (mut parts, mut end) = (Vec::new(), at as usize);
    let mut frames = frames.peekable();
    while let Some(frame) = frames.next() {
        end += frame.span();
        let page_end = end.next_multiple_of(PAGE).min(segment_bytes as usize);
        let rest = if frames.peek().is_none() { page_end.saturating_sub(end) } else { 0 };
        parts.push(IoSlice::new(frame.head()));
        parts.push(IoSlice::new(&frame.payload));
        parts.push(IoSlice::new(ZEROS.get(..frame.padding() + rest).unwrap_or_default()));
    }
    file.write_at(&parts, u64::from(at))
}

/// Writes a segment's first frame, which tells everything that came before it.
pub(crate) fn write_snapshot(
    log: LogId,
    file: Box<dyn File>,
    number: u64,
    state: &LogState,
    now: Micros,
    segment_bytes: u32,
) -> io::Result<Active> {
    let mut frame = control(Kind::Snapshot, state.encode(), now).map_err(|e| io::Error::other(e.0))?;
    frame.stamp(&Stamp {
        log,
        place: Place { segment: number, at: 0 },
        group_at: 0,
        mark: state.previous_end,
        last: true,
        offset: 0,
        ordinal: 0,
    });
    write_frames(&*file, std::iter::once(&frame), 0, segment_bytes)?;
    file.sync_data()?;
    Ok(Active { number, file, tail: frame.span() as u32, live: LiveIndex::default() })
}
