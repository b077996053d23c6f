//! Adding runs to an hour of a customer, and reading them.

use std::cell::RefCell;
use std::slice::Iter;

use logmill_rollup::{Chunks, merge};
use redb::ReadableTable;

use super::rows::{Head, Run, chunk_key, seal, unseal};
use super::{StoreError, Table};

/// A run is merged with an older one unless that is larger by more than this factor, so that sizes grow by it: an hour has a
/// handful of runs however often it was added to, and each count is rewritten a handful of times.
const FACTOR: u64 = 4;
/// Runs up to this size are always merged: the file is written in pages of as many bytes.
const SMALL: u64 = 4096;
/// No run is merged beyond this size: it bounds what a commit may have to rewrite, and further runs cost a read little.
const LARGE: u64 = 32 << 20;

/// A run that is read chunk by chunk: from the store, or one that is not in it yet.
pub(super) enum Source<'a> {
    Stored { fetch: &'a Fetch<'a>, hour: &'a [u8], run: Run, at: u32 },
    New(Iter<'a, Vec<u8>>),
}

/// The sealed value of a chunk by its key.
pub(super) type Fetch<'a> = dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError> + 'a;

impl<'a> Source<'a> {
    pub(super) fn stored(fetch: &'a Fetch<'a>, hour: &'a [u8], run: Run) -> Self {
        Self::Stored { fetch, hour, run, at: 0 }
    }
}

impl Chunks for Source<'_> {
    type Error = StoreError;

    fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::New(chunks) => Ok(chunks.next().cloned()),
            Self::Stored { run, at, .. } if *at == run.chunks => Ok(None),
            Self::Stored { fetch, hour, run, at } => {
                let key = chunk_key(hour, run.number, *at);
                *at += 1;
                let found = fetch(&key)?;
                let found =
                    found.ok_or_else(|| StoreError::Damaged("a part of a run is missing".to_owned()))?;
                unseal(&key, &found).map(|chunk| Some(chunk.to_vec()))
            }
        }
    }
}

/// Reads a chunk of a table.
pub(super) fn fetch(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(table.get(key)?.map(|found| found.value().to_vec()))
}

/// Adds `new` runs to an hour: one run comes of them and of the older ones that are not much larger.
pub(super) fn add(
    chunks: &mut Table<'_>,
    hour: &[u8],
    head: &mut Head,
    new: &[&[Vec<u8>]],
) -> Result<(), StoreError> {
    let merged =
        take_small(head, new.iter().flat_map(|run| run.iter()).map(|chunk| chunk.len() as u64).sum());
    let number = head.next_run;
    head.next_run = number.wrapping_add(1);
    let mut run = Run { number, chunks: 0, bytes: 0 };
    {
        let table = RefCell::new(&mut *chunks);
        let read = |key: &[u8]| fetch(&**table.borrow(), key);
        let stored = merged.iter().map(|run| Source::stored(&read, hour, *run));
        let sources = new.iter().map(|run| Source::New(run.iter())).chain(stored).collect();
        merge(sources, |chunk| {
            let key = chunk_key(hour, number, run.chunks);
            run.chunks += 1;
            run.bytes += chunk.len() as u64;
            table.borrow_mut().insert(key.as_slice(), seal(&key, &chunk).as_slice())?;
            Ok(())
        })?;
    }
    for old in merged {
        for at in 0..old.chunks {
            chunks.remove(chunk_key(hour, old.number, at).as_slice())?;
        }
    }
    head.runs.push(run);
    Ok(())
}

/// Takes the runs out of the head that are to be merged with a new one of so many bytes.
fn take_small(head: &mut Head, mut bytes: u64) -> Vec<Run> {
    let mut taken = Vec::new();
    let is_small =
        |run: u64, bytes: u64| run <= SMALL.max(FACTOR.saturating_mul(bytes)) && run + bytes <= LARGE;
    while let Some(run) = head.runs.pop_if(|run| is_small(run.bytes, bytes)) {
        bytes += run.bytes;
        taken.push(run);
    }
    taken
}
