//! Finding the frame whose decoding ends the process.
//!
//! After an unclean end frames are decoded one by one, each with a note that says so before and another one
//! after. A process that waits for its destination is never counted: by then the note is cleared.

use std::collections::HashMap;

use logmill_queue::{Frame, Offset};

use crate::note::Progress;

/// Bytes of frames that may have been in memory when the process before ended.
const BUDGET: usize = 16 << 20;

/// What is known of frames that may be poison.
pub(crate) struct Careful {
    left: usize,
    /// Frames from here on came later, and cannot have ended the process before.
    end: Offset,
    attempts: u32,
    counts: HashMap<Offset, u32>,
}

impl Careful {
    pub(crate) fn new(before: Option<Progress>, end: Offset, attempts: u32) -> Self {
        let left = if before == Some(Progress::Clean) { 0 } else { BUDGET };
        let mut counts = HashMap::new();
        if let Some(Progress::Trying(offset, attempt)) = before {
            counts.insert(offset, attempt);
        }
        Self { left, end, attempts, counts }
    }

    /// Whether the frame has to be tried with a note.
    pub(crate) fn suspects(&mut self, frame: &Frame) -> bool {
        let size = frame.payload.len().max(1);
        let suspect = self.left > 0 && frame.offset < self.end;
        self.left = if suspect { self.left.saturating_sub(size) } else { 0 };
        suspect
    }

    /// Whether the frame failed too often.
    pub(crate) fn is_condemned(&self, offset: Offset) -> bool {
        self.counts.get(&offset).is_some_and(|count| *count >= self.attempts)
    }

    /// Whether the frame was being decoded when something went wrong before.
    pub(crate) fn is_named(&self, offset: Offset) -> bool {
        self.counts.contains_key(&offset)
    }

    /// Counts a try, to be written down before it is made.
    pub(crate) fn attempt(&mut self, offset: Offset) -> u32 {
        let count = self.counts.entry(offset).or_default();
        *count += 1;
        *count
    }

    /// The frame was decoded.
    pub(crate) fn passed(&mut self, offset: Offset) {
        self.counts.remove(&offset);
    }
}
