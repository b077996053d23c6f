//! Giving page cache back: a log that is written or read once would otherwise fill the machine's memory with
//! pages that nobody asks for again, and each of them costs more than all other work on its bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use logmill_world::File;

/// Bytes behind the end of the log that stay in the page cache, for sinks that keep up.
pub(crate) const RECENT: u64 = 16 << 20;
/// Bytes that are given back at once.
pub(super) const STEP: u64 = 8 << 20;
/// A page of the page cache: what the system gives back is whole pages.
pub(super) const PAGE: u64 = 4096;

/// Bytes of segments in the order in which they were passed.
pub(crate) struct Trail {
    /// Bytes that are kept.
    keep: u64,
    held: u64,
    parts: VecDeque<Part>,
}

/// The file is not held open, since a removed segment's room is needed at once.
struct Part {
    segment: u64,
    file: Weak<dyn File>,
    from: u64,
    to: u64,
}

impl Trail {
    pub(crate) fn new(keep: u64) -> Self {
        Self { keep, held: 0, parts: VecDeque::new() }
    }

    /// Notes that a segment was passed up to `to`, and gives back what is no longer kept.
    pub(crate) fn pass(&mut self, segment: u64, file: &Arc<dyn File>, from: u32, to: u32) {
        let (from, to) = (u64::from(from), u64::from(to));
        match self.parts.back_mut().filter(|last| last.segment == segment && last.to <= from) {
            Some(last) => {
                self.held += to - last.to;
                last.to = to;
            }
            None => {
                self.held += to - from;
                self.parts.push_back(Part { segment, file: Arc::downgrade(file), from, to });
            }
        }
        if self.held >= self.keep + STEP {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        while let Some(first) = self.parts.front_mut().filter(|_| self.held > self.keep) {
            let (len, surplus) = (first.to - first.from, self.held - self.keep);
            let whole = len <= surplus;
            let to =
                if whole { first.to.next_multiple_of(PAGE) } else { (first.from + surplus) / PAGE * PAGE };
            if let Some(file) = first.file.upgrade() {
                file.drop_cache(first.from, to);
            }
            if !whole {
                self.held -= to.saturating_sub(first.from);
                first.from = first.from.max(to);
                return;
            }
            self.held -= len;
            self.parts.pop_front();
        }
    }

    /// The oldest segment of which something is kept.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.parts.front().map(|part| part.segment)
    }
}
