//! The journal: one checkpoint, then the flush records since.
//!
//! `journal-<n>` with the greatest number counts. Each record is length (u32), checksum (CRC32C) and payload.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logmill_world::{File, Fs, Mode, replace};

use crate::codec::{Checkpoint, Flush, RENDERING};

/// A journal is replaced at each checkpoint; a larger one is not ours.
const MAX_JOURNAL: u64 = 1 << 30;

/// What a journal says.
pub(crate) struct Found {
    pub number: u64,
    pub checkpoint: Checkpoint,
    pub flushes: Vec<Flush>,
}

/// The journal that is written on.
pub(crate) struct Journal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    number: u64,
    file: Option<Box<dyn File>>,
    len: u64,
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_le_bytes().to_vec();
    out.extend(crc32c::crc32c(payload).to_le_bytes());
    out.extend(payload);
    out
}

fn damaged(path: &Path) -> io::Error {
    let reason = format!("the journal {} is damaged", path.display());
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The next record and what follows it; `None` at the end, at a record that is torn, or at zeros: a file can
/// have grown without its bytes, and zeros are a length and a checksum of nothing.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    let whole = !payload.is_empty() && crc32c::crc32c(payload) == u32::from_le_bytes(*crc);
    whole.then_some((payload, rest))
}

fn begins_with_flush(bytes: &[u8]) -> bool {
    // Most bytes are no flush record at first sight, and need no checksum.
    bytes.get(8..10) == Some(&[b'F', RENDERING])
        && split(bytes).is_some_and(|(payload, _)| Flush::decode(payload).is_ok())
}

fn parse(path: &Path, number: u64, bytes: &[u8]) -> io::Result<Found> {
    let (first, mut rest) = split(bytes).ok_or_else(|| damaged(path))?;
    let checkpoint = Checkpoint::decode(first).map_err(|_| damaged(path))?;
    let mut flushes = Vec::new();
    // A record that is not whole was being written when the process ended: nothing was done for it yet.
    while let Some((payload, after)) = split(rest) {
        flushes.push(Flush::decode(payload).map_err(|_| damaged(path))?);
        rest = after;
    }
    // One that others follow was acted upon: dropping them would write their lines twice.
    if (1..rest.len()).any(|at| rest.get(at..).is_some_and(begins_with_flush)) {
        return Err(damaged(path));
    }
    Ok(Found { number, checkpoint, flushes })
}

impl Journal {
    /// Reads the journal in `dir`, if there is one.
    pub(crate) fn find(fs: &dyn Fs, dir: &Path) -> io::Result<Option<Found>> {
        let Some(number) = Self::last(fs, dir)? else { return Ok(None) };
        let path = path(dir, number);
        let bytes = fs.read(&path, MAX_JOURNAL)?;
        let found = parse(&path, number, &bytes)?;
        if !found.flushes.is_empty() {
            // What was read may only be in the page cache, even after a sync that failed there: it is written
            // again, since lines are about to be written for it.
            replace(fs, &path, &bytes)?;
        }
        Ok(Some(found))
    }

    /// The number of the journal that counts, readable or not.
    pub(crate) fn last(fs: &dyn Fs, dir: &Path) -> io::Result<Option<u64>> {
        let names = fs.list(dir)?;
        let number = |name: &String| u64::from_str_radix(name.strip_prefix("journal-")?, 16).ok();
        Ok(names.iter().filter_map(number).max())
    }

    /// Begins a journal behind the one of this number.
    pub(crate) fn after(fs: Arc<dyn Fs>, dir: PathBuf, number: u64) -> Self {
        Self { fs, dir, number, file: None, len: 0 }
    }

    /// Replaces the journal by one that begins with `checkpoint`.
    pub(crate) fn begin(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        self.file = None;
        let next = path(&self.dir, self.number + 1);
        let record = frame(&checkpoint.encode());
        replace(&*self.fs, &next, &record)?;
        let before = path(&self.dir, self.number);
        self.number += 1;
        self.len = record.len() as u64;
        self.file = Some(self.fs.open(&next, Mode::Write)?);
        // The older journal no longer counts; one that stays behind harms nobody.
        let _ = self.fs.remove(&before);
        Ok(())
    }

    /// Whether the next flush needs a checkpoint first, since the last append failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.file.is_none()
    }

    /// Makes a flush record durable. After an error its fate is unknown, and only `begin` helps.
    pub(crate) fn append(&mut self, flush: &Flush) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Err(io::Error::other("the journal is closed")) };
        let record = frame(&flush.encode());
        file.write_at(&[IoSlice::new(&record)], self.len)?;
        file.sync_data()?;
        self.len += record.len() as u64;
        self.file = Some(file);
        Ok(())
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    // No ending, so that the file beside which `replace` writes first does not look like a journal.
    dir.join(format!("journal-{number:016x}"))
}
