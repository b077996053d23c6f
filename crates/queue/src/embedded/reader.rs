//! Reading one partition, and committing how far it was read.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use super::cursor::{Cursor, Step};
use super::shared::Shared;
use super::state::{End, Lane, Stored};
use super::unit::{Commit, Inbox, Unit};
use crate::contract::{
    Append, AppendError, BoxFuture, Class, CommitError, Committed, Delivery, Group, Lease, Note, Offset,
    PartitionReader, QueueError, Scan, Start, StartError,
};

/// Frames up to an end that was fixed at the start.
pub(crate) struct EmbeddedScan {
    pub cursor: Cursor,
    pub end: Offset,
}

impl Scan for EmbeddedScan {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Delivery>, QueueError>> {
        Box::pin(async move {
            if self.cursor.next >= self.end {
                return Ok(None);
            }
            match self.cursor.step()? {
                // Behind offsets that were never acknowledged there may be a frame that came after the call.
                Step::Delivery(Delivery::Frame(frame)) if frame.offset >= self.end => Ok(None),
                Step::Delivery(delivery) => Ok(Some(delivery)),
                Step::End => Ok(None),
            }
        })
    }
}

/// The reader of one partition.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    inbox: Inbox,
    group: Group,
    lease: Lease,
    committed: Option<Committed>,
    cursor: Option<Cursor>,
    /// Ends of deliveries that are not committed yet, to know the ordinal of a position.
    delivered: VecDeque<End>,
}

impl Reader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        inbox: Inbox,
        group: Group,
        lease: Lease,
        committed: Option<Committed>,
    ) -> Self {
        Self { shared, inbox, group, lease, committed, cursor: None, delivered: VecDeque::new() }
    }

    fn lane(&self) -> Lane {
        (self.lease.topic.clone(), self.lease.partition)
    }

    /// Records before the position `upto`.
    fn ordinal(&self, upto: Offset) -> u64 {
        let known = self.delivered.iter().rev().find(|end| end.offset <= upto);
        if let Some(end) = known.filter(|end| end.offset == upto) {
            return end.ordinal;
        }
        let at = End { offset: upto, ordinal: 0 };
        let found = Cursor::new(self.shared.clone(), self.lane(), at).records_before(upto);
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "the records before a position are not known exactly");
            known.map_or(0, |end| end.ordinal)
        })
    }

    async fn send(&mut self, out: Vec<Append>, upto: Offset, note: &Note) -> Result<(), CommitError> {
        let unavailable =
            |reason: &str| CommitError::Unavailable(QueueError::new(Class::Invalid, reason.to_owned()));
        let end = self.shared.state().end(&self.lane()).offset;
        if upto > end {
            return Err(unavailable(&format!("the position {upto} lies beyond the end {end} of the log")));
        }
        let mut frames = Vec::with_capacity(out.len());
        for append in out {
            frames.push(self.inbox.prepare(append).map_err(|e| unavailable(e.0))?);
        }
        let stored =
            Stored { committed: Committed { offset: upto, note: note.clone() }, ordinal: self.ordinal(upto) };
        let commit = Commit { group: self.group.clone(), lease: self.lease.clone(), stored };
        let position = commit.prepare(self.shared.world.clock().wall()).map_err(|e| unavailable(e.0))?;
        frames.push(position);
        match self.inbox.send(Unit::new(frames, Some(commit))).await {
            Ok(_) => {
                while self.delivered.get(1).is_some_and(|end| end.offset <= upto) {
                    self.delivered.pop_front();
                }
                Ok(())
            }
            Err(_) if !self.lease.is_held() => Err(CommitError::Fenced),
            Err(AppendError::InFlight) => Err(unavailable("a key is in flight")),
            Err(AppendError::Refused(e)) => Err(CommitError::Unavailable(e)),
            Err(AppendError::Unknown(e)) => Err(CommitError::Unknown(e)),
        }
    }
}

impl PartitionReader for Reader {
    fn lease(&self) -> &Lease {
        &self.lease
    }

    fn committed(&mut self) -> BoxFuture<'_, Result<Option<Committed>, QueueError>> {
        Box::pin(async { Ok(self.committed.clone()) })
    }

    fn start(&mut self, at: Start) -> BoxFuture<'_, Result<Offset, StartError>> {
        Box::pin(async move {
            if !self.lease.is_held() {
                return Err(StartError::Fenced);
            }
            let cursor = Cursor::open(&self.shared, &self.lane(), at)?;
            let next = cursor.next;
            self.delivered.clear();
            if let Some(ordinal) = cursor.ordinal {
                self.delivered.push_back(End { offset: next, ordinal });
            }
            self.cursor = Some(cursor);
            Ok(next)
        })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Delivery, QueueError>> {
        Box::pin(async move {
            let shared = self.shared.clone();
            loop {
                let Some(cursor) = &mut self.cursor else {
                    return Err(QueueError::new(Class::Bug, "next was called before start"));
                };
                // Waits from here on, so that what becomes durable during the step is not missed.
                let mut more = pin!(shared.durable.notified());
                more.as_mut().enable();
                if let Step::Delivery(delivery) = cursor.step()? {
                    let end = End { offset: cursor.next, ordinal: cursor.ordinal.unwrap_or(0) };
                    self.delivered.push_back(end);
                    return Ok(delivery);
                }
                more.await;
            }
        })
    }

    fn commit<'a>(&'a mut self, upto: Offset, note: &'a Note) -> BoxFuture<'a, Result<(), CommitError>> {
        Box::pin(self.send(Vec::new(), upto, note))
    }

    fn relay<'a>(
        &'a mut self,
        out: Vec<Append>,
        upto: Offset,
        note: &'a Note,
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        Box::pin(self.send(out, upto, note))
    }

    fn release(self: Box<Self>) {
        self.lease.end();
        self.shared.released.notify_waiters();
    }
}
