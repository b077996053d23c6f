//! What a question read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one question, for all its tables together.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    matched: AtomicU64,
    skipped: AtomicU64,
    opened: AtomicU64,
    bytes: AtomicU64,
}

/// What a question has read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files of rows that can hold what was asked for, by their places and bounds. Known before the first row.
    pub matched: u64,
    /// Files of rows that cannot. Known before the first row.
    pub skipped: u64,
    /// Files that were opened; in the lake those with deleted rows, too.
    pub opened: u64,
    /// Bytes read from them.
    pub bytes: u64,
}

impl Stats {
    pub(crate) fn planned(&self, matched: u64, skipped: u64) {
        self.matched.fetch_add(matched, Ordering::Relaxed);
        self.skipped.fetch_add(skipped, Ordering::Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures {
            matched: self.matched.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
