//! A destination in memory that outlives the process, and does what a test tells it to.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use logmill_queue::embedded::EmbeddedQueue;
use logmill_queue::{
    BoxFuture, Class, Committed, Content, Delivery, Frame, Lease, Note, Offset, Opening, Outcome, Partition,
    QueueError, Rejected, Sink, SinkError, Staged, Start, Totals, Writer, Written,
};
use logmill_world::sim::{Disk, Image};

use super::machine::{Life, letters};

/// What a kill in the middle of something left on the disk.
pub(super) type Corpse = Arc<Mutex<Option<Image>>>;

/// When the process is killed during a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    BeforeEffect,
    AfterEffect,
}

#[derive(Default)]
pub(super) struct State {
    /// What the output holds, in order.
    pub lines: Vec<String>,
    /// Where the output ends.
    pub next: BTreeMap<Partition, Offset>,
    /// Where the output ended at the last checkpoint.
    pub checkpointed: BTreeMap<Partition, Offset>,
    /// All ranges that came to `commit`, repeated ones included, and how many letters were durable then.
    pub commits: Vec<(Offset, Offset, usize)>,
    pub damaged: u64,
    pub opened: u32,
    pub read: Vec<String>,

    // What it is told to do.
    pub panics_on: HashSet<String>,
    pub dies_on: HashSet<String>,
    pub rejects: HashSet<String>,
    pub away: bool,
    pub checkpoint_away: bool,
    pub open_away: bool,
    pub commit_panics: u32,
    pub stop: Option<String>,
    /// Somebody else moves the output here before the next commits.
    pub moves: VecDeque<Offset>,
    /// The position follows a checkpoint only.
    pub lags: bool,
    /// The output does not know where it ends; only the group does.
    pub forgets: bool,
    pub start: Option<Start>,
    pub kill: Option<Kill>,
}

#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

impl Memory {
    pub(super) fn new(prepare: impl FnOnce(&mut State)) -> Self {
        let memory = Self::default();
        prepare(&mut memory.get());
        memory
    }

    pub(super) fn get(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.get().lines.clone()
    }

    pub(super) fn holds(&self, n: usize) -> bool {
        self.get().lines.len() >= n
    }
}

/// The sink of one process on a memory.
pub(super) struct MemorySink {
    memory: Memory,
    queue: Arc<EmbeddedQueue>,
    disk: Disk,
    corpse: Corpse,
}

fn unavailable(what: &str) -> SinkError {
    SinkError::Unavailable(QueueError::new(Class::Unavailable, what))
}

impl MemorySink {
    pub(super) fn new(life: &Life, memory: &Memory) -> Self {
        let (queue, disk, corpse) = (life.queue.clone(), life.disk.clone(), life.corpse.clone());
        Self { memory: memory.clone(), queue, disk, corpse }
    }

    async fn effect(&self, staged: &Staged) -> Result<Outcome, SinkError> {
        let known = letters(&*self.queue).await.len();
        let (partition, epoch) = (staged.lease.partition, staged.lease.epoch);
        let mut state = self.memory.get();
        state.commits.push((staged.from, staged.to, known));
        if let Some(reason) = &state.stop {
            return Err(SinkError::Stop(QueueError::new(Class::Invalid, reason.clone())));
        }
        if state.away {
            return Err(unavailable("the destination is away"));
        }
        if state.commit_panics > 0 {
            state.commit_panics -= 1;
            drop(state);
            panic!("a commit panics");
        }
        if !staged.lease.is_held() {
            return Ok(Outcome::Fenced { partition, epoch });
        }
        if let Some(at) = state.moves.pop_front() {
            state.next.insert(partition, at);
            return Ok(Outcome::Moved { partition, at });
        }
        let next = state.next.get(&partition).copied();
        if next.is_none_or(|next| next < staged.to) {
            assert!(
                next.is_none_or(|next| next <= staged.from),
                "a gap or an overlap: {next:?}, {}",
                staged.from
            );
            state.lines.extend(staged.content.downcast_ref::<Vec<String>>().unwrap().clone());
            state.next.insert(partition, staged.to);
        }
        let committed = Committed { offset: staged.to, note: Note::default() };
        Ok(Outcome::Done(partition, (!state.lags).then_some(committed)))
    }

    fn dies(&self, when: Kill) -> bool {
        let dies = self.memory.get().kill == Some(when);
        if dies {
            *self.corpse.lock().unwrap() = Some(self.disk.killed());
        }
        dies
    }
}

impl Sink for MemorySink {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(async move {
            let mut state = self.memory.get();
            state.opened += 1;
            if state.open_away {
                return Err(unavailable("the destination cannot be opened"));
            }
            let ours = state.next.get(&lease.partition).copied().filter(|_| !state.forgets);
            let next = ours.or(committed.map(|committed| committed.offset));
            let usual = next.map_or(Start::Oldest, |next| Start::At(lease.log, next));
            let start = state.start.unwrap_or(usual);
            drop(state);
            let (memory, disk, corpse) = (self.memory.clone(), self.disk.clone(), self.corpse.clone());
            let writer = MemoryWriter { memory, disk, corpse, lines: Vec::new() };
            Ok(Opening::new(Box::new(writer), start))
        })
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async move {
            if self.dies(Kill::BeforeEffect) {
                std::future::pending::<()>().await;
            }
            let mut outcomes = Vec::new();
            for staged in staged {
                outcomes.push(self.effect(staged).await?);
            }
            if self.dies(Kill::AfterEffect) {
                std::future::pending::<()>().await;
            }
            Ok(outcomes)
        })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        Box::pin(async move {
            let mut state = self.memory.get();
            if state.checkpoint_away {
                return Err(unavailable("no checkpoint now"));
            }
            if !state.lags {
                return Ok(Vec::new());
            }
            state.checkpointed = state.next.clone();
            let committed =
                |(p, next): (&Partition, &Offset)| (*p, Committed { offset: *next, note: Note::default() });
            Ok(state.next.iter().map(committed).collect())
        })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        Vec::new()
    }
}

struct MemoryWriter {
    memory: Memory,
    disk: Disk,
    corpse: Corpse,
    lines: Vec<String>,
}

impl Writer for MemoryWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let frame = match delivery {
            Delivery::Frame(frame) => frame,
            Delivery::Damaged { records, .. } => {
                self.memory.get().damaged += records;
                return Written::default();
            }
        };
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        let mut state = self.memory.get();
        state.read.push(text.clone());
        if state.dies_on.contains(&text) {
            let mut corpse = self.corpse.lock().unwrap();
            if corpse.is_none() {
                *corpse = Some(self.disk.killed());
            }
        }
        let (dead, panics) = (self.corpse.lock().unwrap().is_some(), state.panics_on.contains(&text));
        let rejects = state.rejects.contains(&text);
        drop(state);
        assert!(!dead && !panics, "decoding {text} panics");
        if rejects {
            let reason = "it is no line".to_owned();
            let rejected = Rejected { offset: frame.offset, index: None, reason, payload: None };
            return Written { rejected: vec![rejected], full: false };
        }
        self.lines.push(text);
        Written::default()
    }

    fn skip(&mut self, _: &Frame) {}

    fn stage(&mut self) -> Content {
        Box::new(std::mem::take(&mut self.lines))
    }
}
