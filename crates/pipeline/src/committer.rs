//! Commits what the partitions of one sink have staged, together, and makes checkpoints.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{Committed, Offset, Outcome, Partition, Sink, SinkError, Staged};
use logmill_world::World;
use tokio::sync::{mpsc, oneshot};

use crate::backoff::Backoff;
use crate::status::{SinkState, SinkStatus};

/// A checkpoint is made so often.
const CHECKPOINT: Duration = Duration::from_secs(5);

/// What became of a staged range.
pub(crate) enum Answer {
    Outcome(Outcome),
    /// The sink will not go on.
    Stopped(String),
}

/// A staged range whose letters are durable.
pub(crate) struct Request {
    pub staged: Staged,
    pub reply: oneshot::Sender<Answer>,
}

/// Told to a partition's task.
pub(crate) enum Control {
    /// The group may move to this position.
    Checkpointed(Committed),
    /// The output was lost and stands here.
    Moved(Offset),
    /// Finish in order.
    Finish,
}

/// The tasks of the partitions, by partition.
pub(crate) type Controls = Mutex<HashMap<Partition, mpsc::UnboundedSender<Control>>>;

pub(crate) struct Committer {
    pub world: World,
    pub sink: Arc<dyn Sink>,
    pub status: Arc<SinkStatus>,
    pub controls: Arc<Controls>,
}

impl Committer {
    /// Serves until the runner and all partitions are gone.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<Request>) {
        let mut checkpoint = self.world.clock().monotonic() + CHECKPOINT;
        let mut is_late = false;
        loop {
            let left = checkpoint.saturating_sub(self.world.clock().monotonic());
            let first = tokio::select! {
                biased;
                () = self.world.clock().sleep(left) => {
                    is_late = !self.checkpoint(is_late).await;
                    checkpoint = self.world.clock().monotonic() + CHECKPOINT;
                    continue;
                }
                first = inbox.recv() => first,
            };
            let Some(first) = first else { return };
            let mut requests = vec![first];
            while let Ok(more) = inbox.try_recv() {
                requests.push(more);
            }
            self.commit(requests).await;
        }
    }

    async fn commit(&self, requests: Vec<Request>) {
        let (mut staged, mut replies) = (Vec::new(), Vec::new());
        for request in requests {
            staged.push(request.staged);
            replies.push(request.reply);
        }
        let answers: Vec<Answer> = match self.commit_at_last(&staged).await {
            Ok(outcomes) => outcomes.into_iter().map(Answer::Outcome).collect(),
            Err(reason) => staged.iter().map(|_| Answer::Stopped(reason.clone())).collect(),
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A partition that is gone has nothing to learn.
            let _ = reply.send(answer);
        }
    }

    async fn commit_at_last(&self, staged: &[Staged]) -> Result<Vec<Outcome>, String> {
        let mut backoff = Backoff::new();
        loop {
            match self.sink.commit(staged).await {
                Ok(outcomes) => {
                    self.status.set(SinkState::Running);
                    return Ok(outcomes);
                }
                Err(SinkError::Stop(error)) => return Err(error.to_string()),
                Err(SinkError::Unavailable(error)) => {
                    tracing::warn!(%error, "a sink cannot write yet, it tries again");
                    self.status.set(SinkState::Waiting(error.to_string()));
                    backoff.wait(&self.world).await;
                }
            }
        }
    }

    /// Makes a checkpoint; answers whether it could. After a late one the sink no longer waits.
    async fn checkpoint(&self, is_late: bool) -> bool {
        match self.sink.checkpoint().await {
            Ok(positions) => {
                let controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
                for (partition, committed) in positions {
                    if let Some(task) = controls.get(&partition) {
                        let _ = task.send(Control::Checkpointed(committed));
                    }
                }
                for (partition, at) in self.sink.moved() {
                    if let Some(task) = controls.get(&partition) {
                        let _ = task.send(Control::Moved(at));
                    }
                }
                if is_late {
                    self.status.set(SinkState::Running);
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a checkpoint has to wait");
                self.status.set(SinkState::Waiting(error.to_string()));
                false
            }
        }
    }
}
