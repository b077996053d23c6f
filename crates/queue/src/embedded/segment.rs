//! Writing frames into a segment, and its first one.

use std::io::{self, IoSlice};

use logmill_world::{File, Micros};

use super::frame::{Kind, Place, Prepared, Stamp};
use super::index::LiveIndex;
use super::recover::Active;
use super::state::LogState;
use super::unit::control;
use crate::contract::LogId;

/// A page of the page cache.
const PAGE: usize = 4096;
const ZEROS: [u8; PAGE] = [0; PAGE];

/// Writes frames one after the other, in one go, and zeros behind them up to the end of the page: a file that
/// is used again has other bytes there, and the system would read them from the disk for a part of a page.
pub(crate) fn write_frames<'a>(
    file: &dyn File,
    frames: impl Iterator<Item = &'a Prepared>,
    at: u32,
    segment_bytes: u32,
) -> io::Result<()> {
    let mut parts = Vec::new();
    let mut end = at as usize;
    for frame in frames {
        parts.push(IoSlice::new(frame.head()));
        parts.push(IoSlice::new(&frame.payload));
        parts.push(IoSlice::new(ZEROS.get(..frame.padding()).unwrap_or_default()));
        end += frame.span();
    }
    let rest = end.next_multiple_of(PAGE).min(segment_bytes as usize).saturating_sub(end);
    parts.push(IoSlice::new(ZEROS.get(..rest).unwrap_or_default()));
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
