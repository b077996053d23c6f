//! The owner of one partition of staged frames: restores what is known, then reads, decides and passes on.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{
    Append, Class, CommitError, Delivery, Frame, Note, Offset, PartitionReader, Queue, QueueError, Start,
    Topic,
};
use logmill_world::World;

use super::folder::Folder;
use super::index::Outputs;
use super::restore::restore;
use super::run::{KeyStatus, Stop};

/// What goes into one transaction at most: frames, and bytes of their payloads.
const MOST: (usize, usize) = (1000, 4 << 20);
/// What failed is tried again after this.
const PAUSE: Duration = Duration::from_millis(500);

/// What all owners of a topic share.
pub(super) struct Terms {
    pub world: World,
    pub queue: Arc<dyn Queue>,
    /// Frames whose key is not decided yet.
    pub staged: Topic,
    pub outputs: Outputs,
    pub horizon: Duration,
    pub status: Arc<KeyStatus>,
}

/// The owner of a partition, until it is told to stop or loses it.
pub(super) struct Owner {
    pub terms: Arc<Terms>,
    pub folder: Arc<Folder>,
    pub reader: Box<dyn PartitionReader>,
    pub stop: Stop,
}

impl Owner {
    pub(super) async fn run(mut self) {
        let (terms, partition) = (self.terms.clone(), self.reader.lease().partition);
        while self.reader.lease().is_held() && self.stop.has_changed().is_ok() {
            let Err(error) = self.work().await else { break };
            if self.reader.lease().is_held() {
                terms.status.failed(Some(partition), &error);
            }
            tokio::select! {
                () = terms.world.clock().sleep(PAUSE) => {}
                _ = self.stop.changed() => {}
            }
        }
        terms.status.works(Some(partition));
        self.reader.release();
    }

    /// Works until it is told to stop.
    async fn work(&mut self) -> Result<(), QueueError> {
        let committed = self.reader.committed().await?;
        let mut index =
            restore(&self.terms, &self.folder, self.reader.lease().clone(), committed.is_some()).await?;
        let start = Start::after(self.reader.lease().log, committed.map(|committed| committed.offset));
        let started = self.reader.start(start).await;
        started.map_err(|e| QueueError::caused(Class::Unavailable, "staged batches cannot be read", e))?;
        self.terms.status.works(Some(self.reader.lease().partition));
        while let Some((frames, upto)) = self.gather().await? {
            let mut out = Vec::with_capacity(2 * frames.len());
            for frame in frames {
                out.extend(index.decide(frame).map_err(|e| QueueError::io("the keys cannot be read", e))?);
            }
            self.pass_on(out, upto).await?;
            index.tidy().map_err(|e| QueueError::io("the keys in memory cannot be written", e))?;
        }
        Ok(())
    }

    /// What there is by now, and where it ends; waits for the first frame. None if we were told to stop.
    async fn gather(&mut self) -> Result<Option<(Vec<Frame>, Offset)>, QueueError> {
        let first = tokio::select! {
            biased;
            _ = self.stop.changed() => return Ok(None),
            first = self.reader.next() => first?,
        };
        let (mut frames, mut bytes, mut upto) = (Vec::new(), 0, 0);
        let mut next = Some(first);
        while let Some(delivery) = next {
            upto = delivery.end();
            if let Delivery::Frame(frame) = delivery {
                bytes += frame.payload.len();
                frames.push(frame);
            }
            if frames.len() >= MOST.0 || bytes >= MOST.1 {
                break;
            }
            next = tokio::select! {
                biased;
                more = self.reader.next() => Some(more?),
                () = std::future::ready(()) => None,
            };
        }
        Ok(Some((frames, upto)))
    }

    /// Stores what was decided together with the position, however long it takes.
    async fn pass_on(&mut self, out: Vec<Append>, upto: Offset) -> Result<(), QueueError> {
        loop {
            match self.reader.relay(out.clone(), upto, &Note::default()).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Unavailable(error)) if self.reader.lease().is_held() => {
                    self.terms.status.failed(Some(self.reader.lease().partition), &error);
                    self.terms.world.clock().sleep(PAUSE).await;
                }
                Err(CommitError::Unavailable(error) | CommitError::Unknown(error)) => return Err(error),
                Err(CommitError::Fenced) => {
                    return Err(QueueError::new(Class::Unavailable, "the partition has another owner"));
                }
            }
        }
    }
}
