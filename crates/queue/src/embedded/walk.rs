//! Reading a segment's frames one after the other, over damage.

use std::io;

use bytes::Bytes;
use logmill_world::File;

use super::frame::{self, ALIGN, FrameHead, MAGIC, Place};
use crate::contract::LogId;

/// Bytes read at once.
const WINDOW: usize = 256 * 1024;

/// A part of a segment in memory.
pub(crate) struct Window<'a> {
    file: &'a dyn File,
    start: usize,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(file: &'a dyn File) -> Self {
        Self { file, start: 0, bytes: Vec::new() }
    }

    /// Up to `len` bytes at `at`; fewer at the end of the file.
    pub(crate) fn get(&mut self, at: usize, len: usize) -> io::Result<&[u8]> {
        let inside = at >= self.start && at + len <= self.start + self.bytes.len();
        if !inside {
            self.bytes.resize(len.max(WINDOW), 0);
            let n = self.file.read_at(&mut self.bytes, at as u64)?;
            self.bytes.truncate(n);
            self.start = at;
        }
        let from = at - self.start;
        let to = (from + len).min(self.bytes.len());
        Ok(self.bytes.get(from..to).unwrap_or_default())
    }
}

/// Walks the frames of one segment of one log.
pub(crate) struct Walk<'a> {
    window: Window<'a>,
    segment: u64,
    /// Unknown while the first frame is looked for.
    log: Option<LogId>,
    len: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(file: &'a dyn File, segment: u64, log: Option<LogId>) -> io::Result<Self> {
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        Ok(Self { window: Window::new(file), segment, log, len })
    }

    /// The header at `at`, if there is one that was written there, in this segment, by this log.
    pub(crate) fn head(&mut self, at: usize) -> io::Result<Option<FrameHead>> {
        let Some((header, payload)) = frame::lengths(self.window.get(at, 16)?) else { return Ok(None) };
        if at + header + payload > self.len {
            return Ok(None);
        }
        let Ok(head) = frame::decode(self.window.get(at, header)?) else { return Ok(None) };
        let here = Place { segment: self.segment, at: at as u32 };
        let ours = head.place == here && self.log.is_none_or(|log| log == head.log);
        Ok(ours.then_some(head))
    }

    /// Whether the payload is what was written.
    pub(crate) fn payload_is_whole(&mut self, head: &FrameHead) -> io::Result<bool> {
        let at = head.place.at as usize + head.header_len as usize;
        let payload = self.window.get(at, head.payload_len as usize)?;
        Ok(payload.len() == head.payload_len as usize && crc32c::crc32c(payload) == head.payload_crc)
    }

    /// The payload, whatever its checksum says.
    pub(crate) fn payload(&mut self, head: &FrameHead) -> io::Result<Bytes> {
        let at = head.place.at as usize + head.header_len as usize;
        Ok(Bytes::copy_from_slice(self.window.get(at, head.payload_len as usize)?))
    }

    /// The first frame at `from` or behind it.
    pub(crate) fn find(&mut self, from: usize) -> io::Result<Option<FrameHead>> {
        let mut at = from.next_multiple_of(ALIGN);
        while at + frame::FIXED <= self.len {
            let bytes = self.window.get(at, WINDOW.min(self.len - at))?;
            match bytes.chunks(ALIGN).position(|chunk| chunk.starts_with(&MAGIC)) {
                None => at += bytes.len().next_multiple_of(ALIGN).max(ALIGN),
                Some(n) => {
                    at += n * ALIGN;
                    if let Some(head) = self.head(at)? {
                        return Ok(Some(head));
                    }
                    at += ALIGN;
                }
            }
        }
        Ok(None)
    }

    /// The next frame at `at` or, over damage, behind it.
    pub(crate) fn next(&mut self, at: usize) -> io::Result<Option<FrameHead>> {
        match self.head(at)? {
            Some(head) => Ok(Some(head)),
            None => self.find(at + ALIGN),
        }
    }
}
