//! Handing over what was written, and moving the group's position.

use std::time::Duration;

use logmill_queue::letter::Letter;
use logmill_queue::{CommitError, Committed, Note, Offset, Outcome};
use tokio::sync::oneshot;

use super::{Break, End, Partitioned};
use crate::backoff::Backoff;
use crate::committer::{Answer, Request};
use crate::note::{self, Ours, Progress};
use crate::pending::Pending;
use crate::status::SinkState;

/// A third of these within `MOVES_WITHIN` means that two owners work on one output.
const MAX_MOVES: usize = 3;
const MOVES_WITHIN: Duration = Duration::from_secs(600);

impl Partitioned {
    /// Hands over what was written and waits until the output holds it.
    pub(super) async fn flush(&mut self, pending: &mut Pending) -> Result<(), Break> {
        pending.due = None;
        let Some(staged) = pending.stage(&self.lease) else { return Ok(()) };
        if let Some(intent) = self.context.sink.intent(&staged) {
            self.group = intent;
            self.write_note(Progress::Running).await?;
        }
        let letters = std::mem::take(&mut pending.letters);
        self.send_letters(letters, staged.to).await?;
        let (reply, answer) = oneshot::channel();
        let request = Request { staged, reply };
        if self.context.requests.send(request).await.is_err() {
            return Err(Break::End(End::Lost));
        }
        match answer.await {
            Ok(Answer::Outcome(Outcome::Done(_, None))) => Ok(()),
            Ok(Answer::Outcome(Outcome::Done(_, Some(committed)))) => {
                self.move_group(committed, Progress::Running).await
            }
            Ok(Answer::Outcome(Outcome::Moved { at, .. })) => Err(self.moved(at)),
            Ok(Answer::Stopped(reason)) => Err(Break::End(End::Stopped(reason))),
            Ok(Answer::Outcome(Outcome::Fenced { .. })) | Err(_) => Err(Break::End(End::Lost)),
        }
    }

    pub(super) fn moved(&mut self, at: Offset) -> Break {
        let now = self.context.world.clock().monotonic();
        self.moves.retain(|then| now.saturating_sub(*then) < MOVES_WITHIN);
        self.moves.push(now);
        tracing::warn!(
            partition = self.lease.partition.0,
            at,
            "the output stands elsewhere, the sink is opened again"
        );
        if self.moves.len() < MAX_MOVES {
            return Break::Reopen;
        }
        let reason =
            "the output was moved by somebody else three times: two processes write to it".to_owned();
        Break::End(End::Stopped(reason))
    }

    /// Moves the group's position. It may lag, so a failure is no reason to stop.
    pub(super) async fn move_group(&mut self, committed: Committed, progress: Progress) -> Result<(), Break> {
        self.group = committed;
        match self.commit(progress).await {
            Err(CommitError::Fenced) => Err(Break::End(End::Lost)),
            Err(error) => {
                tracing::warn!(%error, partition = self.lease.partition.0, "the group's position could not be moved yet");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Writes a note that must be durable before the work goes on.
    pub(super) async fn write_note(&mut self, progress: Progress) -> Result<(), Break> {
        let mut backoff = Backoff::new();
        loop {
            match self.commit(progress).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Fenced) => return Err(Break::End(End::Lost)),
                Err(error) => {
                    tracing::warn!(%error, partition = self.lease.partition.0, "a note cannot be written yet");
                    self.context.status.set(SinkState::Waiting(error.to_string()));
                    backoff.wait(&self.context.world).await;
                }
            }
        }
    }

    async fn commit(&mut self, progress: Progress) -> Result<(), CommitError> {
        let note = self.note(progress);
        self.reader.commit(self.group.offset, &note).await
    }

    fn note(&self, progress: Progress) -> Note {
        note::join(Ours { progress, lettered: self.lettered }, &self.group.note)
    }

    /// Makes letters of a range that ends at `to` durable. They are stored together with a note that says how far they go,
    /// so that they are left out when their frames come again. Where that cannot be one step, each has a key, and a
    /// repetition adds nothing.
    async fn send_letters(&mut self, mut letters: Vec<Letter>, to: Offset) -> Result<(), Break> {
        letters.retain(|letter| letter.frame.offset >= self.lettered);
        let (log, partition) = (self.lease.log, self.lease.partition);
        if !self.context.queue.limits().relays_anywhere {
            for letter in &letters {
                self.context.letters.send(log, partition, letter).await;
            }
            return Ok(());
        }
        if letters.is_empty() {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.lettered, to);
        let out: Vec<_> =
            letters.iter().map(|letter| self.context.letters.append(log, partition, letter)).collect();
        let note = self.note(Progress::Running);
        let mut backoff = Backoff::new();
        loop {
            let error = match self.reader.relay(out.clone(), self.group.offset, &note).await {
                Ok(()) => {
                    letters.iter().for_each(|letter| self.context.letters.tell(partition, letter));
                    return Ok(());
                }
                Err(CommitError::Fenced) => return Err(Break::End(End::Lost)),
                Err(CommitError::Unknown(error)) => {
                    // The note tells, when the partition is opened again.
                    self.lettered = before;
                    return Err(self.wait(&error));
                }
                Err(CommitError::Unavailable(error)) => error,
            };
            tracing::error!(%error, partition = partition.0, "dead letters cannot be written yet");
            self.context.status.set(SinkState::Waiting(error.to_string()));
            backoff.wait(&self.context.world).await;
        }
    }
}
