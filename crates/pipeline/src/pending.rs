//! What a sink's writer holds of one partition.

use std::time::Duration;

use logmill_queue::letter::Letter;
use logmill_queue::{Lease, Offset, Staged, Writer};

/// What is in a writer and not yet committed.
pub(crate) struct Pending {
    pub writer: Box<dyn Writer>,
    /// Where the range begins: offsets may have holes, so that it is not always a frame's.
    from: Offset,
    /// Where it ends by now; at `from` there is none.
    pub to: Offset,
    pub letters: Vec<Letter>,
    /// Where a range ends that was begun before: it has to be cut there again.
    until: Option<Offset>,
    /// When it has to be staged, by the monotonic clock.
    pub due: Option<Duration>,
}

impl Pending {
    /// An empty writer of an output that ends at `from`.
    pub(crate) fn new(writer: Box<dyn Writer>, from: Offset, until: Option<Offset>) -> Self {
        Self { writer, from, to: from, letters: Vec::new(), until, due: None }
    }

    /// The end of a range that was begun before is reached.
    pub(crate) fn is_cut(&self) -> bool {
        self.until.is_some_and(|until| self.to >= until)
    }

    /// Closes the range that was written since the last call; none if there was nothing, or if it is not yet all of a
    /// range that was begun before.
    pub(crate) fn stage(&mut self, lease: &Lease) -> Option<Staged> {
        if self.to == self.from || (self.until.is_some() && !self.is_cut()) {
            return None;
        }
        self.until = None;
        let from = std::mem::replace(&mut self.from, self.to);
        Some(Staged { lease: lease.clone(), from, to: self.to, content: self.writer.stage() })
    }
}
