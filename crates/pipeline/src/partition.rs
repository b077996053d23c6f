//! One partition of one sink: read, decode, stage, hand over for the commit.

mod commit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use logmill_queue::letter::Letter;
use logmill_queue::{
    Committed, Delivery, Frame, Lease, Offset, Opening, PartitionReader, Queue, QueueError, Sink, SinkError,
    Start, StartError, Written,
};
use logmill_world::World;
use tokio::sync::mpsc;

use crate::backoff::Backoff;
use crate::careful::Careful;
use crate::committer::{Control, Request};
use crate::letters::DeadLetters;
use crate::note::{self, Progress};
use crate::pending::Pending;
use crate::status::{SinkState, SinkStatus};
use crate::turns::Turns;

/// What all partitions of a sink share.
pub(crate) struct Context {
    pub world: World,
    pub queue: Arc<dyn Queue>,
    pub sink: Arc<dyn Sink>,
    pub status: Arc<SinkStatus>,
    pub letters: DeadLetters,
    pub requests: mpsc::Sender<Request>,
    pub flush_interval: Duration,
    pub attempts: u32,
    pub turns: Turns,
}

/// Why the work on a partition ended.
#[derive(Debug)]
pub(crate) enum End {
    /// In order.
    Finished,
    /// The partition is somebody else's.
    Lost,
    /// An operator has to decide.
    Stopped(String),
}

/// Why the sink has to be opened again, or not.
enum Break {
    Reopen,
    End(End),
}

impl From<SinkError> for Break {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Unavailable(_) => Self::Reopen,
            SinkError::Stop(error) => Self::End(End::Stopped(error.to_string())),
        }
    }
}

/// A partition that was assigned to us.
pub(crate) struct Partitioned {
    context: Arc<Context>,
    reader: Box<dyn PartitionReader>,
    lease: Lease,
    control: mpsc::UnboundedReceiver<Control>,
    /// The group's position; it lags behind the output, never leads it.
    group: Committed,
    careful: Careful,
    /// Letters about frames before this one are durable.
    lettered: Offset,
    moves: Vec<Duration>,
    /// The sink was opened at least once, so that `group` and `careful` are known.
    opened: bool,
    /// It was asked to finish; whatever goes wrong meanwhile, it takes up nothing new.
    finishing: bool,
}

impl Partitioned {
    pub(crate) fn new(
        context: Arc<Context>,
        reader: Box<dyn PartitionReader>,
        control: mpsc::UnboundedReceiver<Control>,
    ) -> Self {
        let lease = reader.lease().clone();
        let group = Committed { offset: 0, note: logmill_queue::Note::default() };
        let careful = Careful::new(Some(Progress::Clean), 0, context.attempts);
        let moves = Vec::new();
        let (lettered, opened, finishing) = (0, false, false);
        Self { context, reader, lease, control, group, careful, lettered, moves, opened, finishing }
    }

    /// Works until the partition is given back or lost.
    pub(crate) async fn run(mut self) -> End {
        let mut backoff = Backoff::new();
        loop {
            match self.work().await {
                Break::End(End::Finished) => {
                    self.reader.release();
                    return End::Finished;
                }
                Break::End(end) => return end,
                Break::Reopen => {}
            }
            if !self.lease.is_held() {
                return End::Lost;
            }
            tokio::select! {
                biased;
                () = backoff.wait(&self.context.world) => {}
                control = self.control.recv(), if !self.finishing => {
                    if !matches!(control, Some(Control::Checkpointed(_) | Control::Moved(_))) {
                        // Nothing is in memory; who comes next need not wait.
                        self.reader.release();
                        return End::Finished;
                    }
                }
            }
        }
    }

    async fn work(&mut self) -> Break {
        match self.open().await {
            Ok(pending) => match self.pump(pending).await {
                Ok(never) => match never {},
                Err(end) => end,
            },
            Err(end) => end,
        }
    }

    /// Opens the sink and starts reading where its output ends.
    async fn open(&mut self) -> Result<Pending, Break> {
        let committed = self.reader.committed().await.map_err(|error| self.wait(&error))?;
        let split = committed.as_ref().map(note::split);
        self.lettered = split.as_ref().map_or(0, |(ours, _)| ours.lettered).max(self.lettered);
        let known = if self.opened {
            Some(self.group.clone())
        } else {
            split.as_ref().map(|(_, committed)| committed.clone())
        };
        let opened = self.context.sink.open(self.lease.clone(), known.as_ref()).await;
        let Opening { writer, start, until } = opened.map_err(|error| self.say(error))?;
        let from = match (start, self.start(start).await?) {
            // Where it asked to begin, though the first frame may be further on: its output ends there.
            (Start::At(_, asked), _) => asked,
            (Start::Oldest | Start::End, found) => found,
        };
        if !self.opened {
            self.group = known.unwrap_or(Committed { offset: from, note: logmill_queue::Note::default() });
            let lease = &self.lease;
            let bounds = self.context.queue.bounds(&lease.topic, lease.partition).await;
            let (_, end) = bounds.map_err(|error| self.wait(&error))?;
            let before = split.map(|(ours, _)| ours.progress);
            self.careful = Careful::new(before, end, self.context.attempts);
            self.opened = true;
            // A count stays written down until its frame is decoded or in the dead letters.
            let now =
                before.filter(|before| matches!(before, Progress::Trying(..))).unwrap_or(Progress::Running);
            self.begin_again(from);
            self.write_note(now).await?;
        } else if self.begin_again(from) {
            self.write_note(Progress::Running).await?;
        }
        self.context.status.set(SinkState::Running);
        Ok(Pending::new(writer, from, until))
    }

    /// An output that was lost begins again in front of the group's position, which goes back with it: the log has to keep
    /// what is read again. Answers whether it did.
    fn begin_again(&mut self, from: Offset) -> bool {
        let lost = self.group.offset > from;
        self.group.offset = self.group.offset.min(from);
        lost
    }

    async fn start(&mut self, start: Start) -> Result<Offset, Break> {
        match self.reader.start(start).await {
            Ok(from) => Ok(from),
            Err(StartError::Queue(error)) => Err(self.wait(&error)),
            Err(StartError::Fenced) => Err(Break::End(End::Lost)),
            Err(error) => {
                let reason = format!(
                    "the output and the log do not fit together: {error}; \
                     `logmill queue adopt --from oldest|end` decides where to go on"
                );
                Err(Break::End(End::Stopped(reason)))
            }
        }
    }

    fn wait(&self, error: &QueueError) -> Break {
        tracing::warn!(%error, partition = self.lease.partition.0, "a sink waits for the log");
        self.context.status.set(SinkState::Waiting(error.to_string()));
        Break::Reopen
    }

    fn say(&self, error: SinkError) -> Break {
        if let SinkError::Unavailable(error) = &error {
            tracing::warn!(%error, partition = self.lease.partition.0, "a sink cannot be opened yet");
            self.context.status.set(SinkState::Waiting(error.to_string()));
        }
        error.into()
    }

    async fn pump(&mut self, mut pending: Pending) -> Result<std::convert::Infallible, Break> {
        if self.finishing {
            self.obey(Control::Finish, &mut pending).await?;
        }
        loop {
            // While there is more to read the timer is only looked at, not set.
            let ready = self.reader.next().now_or_never();
            match ready {
                Some(delivery) => self.take(&mut pending, delivery).await?,
                None => self.idle(&mut pending).await?,
            }
            if pending.due.is_some_and(|due| self.context.world.clock().monotonic() >= due) {
                self.flush(&mut pending).await?;
            }
            while let Ok(control) = self.control.try_recv() {
                self.obey(control, &mut pending).await?;
            }
        }
    }

    async fn idle(&mut self, pending: &mut Pending) -> Result<(), Break> {
        let clock = self.context.world.clock();
        let left = pending.due.map(|due| due.saturating_sub(clock.monotonic()));
        tokio::select! {
            biased;
            control = self.control.recv() => {
                self.obey(control.unwrap_or(Control::Finish), pending).await
            }
            () = clock.sleep(left.unwrap_or_default()), if left.is_some() => Ok(()),
            delivery = self.reader.next() => self.take(pending, delivery).await,
        }
    }

    async fn take(
        &mut self,
        pending: &mut Pending,
        delivery: Result<Delivery, QueueError>,
    ) -> Result<(), Break> {
        let delivery = delivery.map_err(|error| self.wait(&error))?;
        let due = self.context.world.clock().monotonic() + self.context.flush_interval;
        pending.due.get_or_insert(due);
        let written = match &delivery {
            Delivery::Frame(frame) => self.decode(pending, frame, &delivery).await?,
            Delivery::Damaged { from, to, records } => {
                tracing::error!(
                    partition = self.lease.partition.0,
                    from,
                    to,
                    records,
                    "records were lost to damage in the log"
                );
                let written = pending.writer.write(&delivery);
                pending.to = delivery.end();
                written
            }
        };
        if let Delivery::Frame(frame) = &delivery {
            pending.letters.extend(written.rejected.into_iter().map(|rejected| Letter {
                frame: frame.clone(),
                index: rejected.index,
                payload: rejected.payload,
                reason: rejected.reason,
            }));
        }
        if written.full || pending.is_cut() { self.flush(pending).await } else { Ok(()) }
    }

    /// Decodes a frame; one that failed too often goes to the dead letters instead.
    async fn decode(
        &mut self,
        pending: &mut Pending,
        frame: &Frame,
        delivery: &Delivery,
    ) -> Result<Written, Break> {
        let offset = frame.offset;
        let suspect = self.careful.suspects(frame);
        if self.careful.is_condemned(offset) {
            let reason = format!("decoding it failed {} times", self.context.attempts);
            pending.letters.push(Letter { frame: frame.clone(), index: None, payload: None, reason });
            pending.writer.skip(frame);
            pending.to = offset + 1;
            // At once: the note has room for one count, and the next frame may need it.
            self.flush(pending).await?;
            self.careful.passed(offset);
            return Ok(Written::default());
        }
        // Held until the note is cleared.
        let _turn = self.context.turns.take(self.careful.is_named(offset)).await;
        if suspect {
            let attempt = self.careful.attempt(offset);
            self.write_note(Progress::Trying(offset, attempt)).await?;
        }
        let writer = &mut pending.writer;
        let Ok(written) = catch_unwind(AssertUnwindSafe(|| writer.write(delivery))) else {
            tracing::error!(partition = self.lease.partition.0, offset, "decoding a frame panicked");
            if !suspect {
                self.careful.attempt(offset);
            }
            return Err(Break::Reopen);
        };
        pending.to = offset + 1;
        self.careful.passed(offset);
        if suspect {
            self.write_note(Progress::Running).await?;
        }
        Ok(written)
    }

    async fn obey(&mut self, control: Control, pending: &mut Pending) -> Result<(), Break> {
        match control {
            Control::Checkpointed(committed) => self.move_group(committed, Progress::Running).await,
            Control::Moved(at) => Err(self.moved(at)),
            Control::Finish => {
                self.finishing = true;
                self.flush(pending).await?;
                let positions = self.context.sink.checkpoint().await.map_err(|error| self.say(error))?;
                let ours = positions.into_iter().find(|(partition, _)| *partition == self.lease.partition);
                let group = ours.map_or(self.group.clone(), |(_, committed)| committed);
                self.move_group(group, Progress::Clean).await?;
                Err(Break::End(End::Finished))
            }
        }
    }
}
