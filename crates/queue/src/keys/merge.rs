//! Merging runs, so that a question asks few of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use logmill_world::Fs;

use super::run::{self, Run};
use super::{Hash, Seen};

/// Runs of one size class that are merged into one of the next.
const FAN_IN: usize = 4;

fn size_class(run: &Run) -> u32 {
    run.len.max(1).ilog2() / FAN_IN.ilog2()
}

/// The runs of the smallest size class that has enough of them.
pub(super) fn plan(runs: &[Arc<Run>]) -> Option<Vec<Arc<Run>>> {
    let mut classes: Vec<u32> = runs.iter().map(|run| size_class(run)).collect();
    classes.sort_unstable();
    classes.dedup();
    let of = |class| runs.iter().filter(|run| size_class(run) == class).cloned().collect::<Vec<_>>();
    classes.into_iter().map(of).find(|found| found.len() >= FAN_IN)
}

/// A run that is read in order, one block in memory.
struct Cursor<'a> {
    run: &'a Run,
    next_block: usize,
    entries: std::vec::IntoIter<(Hash, Seen)>,
    head: Option<(Hash, Seen)>,
}

impl<'a> Cursor<'a> {
    fn new(run: &'a Run) -> io::Result<Self> {
        let mut cursor = Self { run, next_block: 0, entries: Vec::new().into_iter(), head: None };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> io::Result<()> {
        self.head = self.entries.next();
        if self.head.is_none() && self.next_block < self.run.blocks() {
            self.entries = self.run.block(self.next_block)?.into_iter();
            self.next_block += 1;
            self.head = self.entries.next();
        }
        Ok(())
    }
}

/// All entries of several runs in order, each key once with its latest arrival, none older than `oldest`.
struct Merge<'a> {
    cursors: Vec<Cursor<'a>>,
    oldest: u32,
}

impl Merge<'_> {
    fn take(&mut self) -> io::Result<Option<(Hash, Seen)>> {
        let heads = self.cursors.iter().filter_map(|cursor| cursor.head);
        let Some(smallest) = heads.map(|(hash, _)| hash).min() else { return Ok(None) };
        let mut latest: Option<Seen> = None;
        for cursor in &mut self.cursors {
            if let Some((hash, seen)) = cursor.head
                && hash == smallest
            {
                latest = Some(latest.filter(|best| best.received >= seen.received).unwrap_or(seen));
                cursor.advance()?;
            }
        }
        Ok(latest.map(|seen| (smallest, seen)))
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<(Hash, Seen)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.take() {
                Ok(Some((_, seen))) if seen.received < self.oldest => {}
                other => return other.transpose(),
            }
        }
    }
}

pub(super) fn merge(fs: &dyn Fs, path: &Path, runs: &[Arc<Run>], oldest: u32) -> io::Result<Run> {
    let expected = runs.iter().map(|run| run.len).sum();
    let cursors = runs.iter().map(|run| Cursor::new(run)).collect::<io::Result<_>>()?;
    run::write(fs, path, expected, Merge { cursors, oldest })
}
