//! `Sink` on a folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use logmill_queue::{
    BoxFuture, Class, Committed, Lease, LogId, Offset, Opening, Outcome, Partition, Queue, QueueError, Sink,
    SinkError, Staged, Start, Totals,
};
use logmill_world::{Lock, LockFailure, World};
use tokio::sync::Mutex;

use crate::codec::{Checkpoint, Flush, Lane, Range};
use crate::config::FilesConfig;
use crate::folder::Folder;
use crate::journal::Journal;
use crate::owner::Claim;
use crate::recover;
use crate::render::{FileKey, FilesWriter, Lines, Rendered};

/// A checkpoint is made after so many bytes, whatever the time.
const CHECKPOINT_BYTES: u64 = 256 << 20;
/// A checkpoint is made after so many files, whatever the time: each is synced by itself.
const CHECKPOINT_FILES: usize = 4096;

/// Hourly files in a folder.
pub struct FilesSink {
    world: World,
    queue: Arc<dyn Queue>,
    config: FilesConfig,
    output: Mutex<Option<Output>>,
    totals: std::sync::Mutex<BTreeMap<Partition, Lane>>,
}

/// The folder, opened and rolled forward.
struct Output {
    folder: Folder,
    journal: Journal,
    /// Where the output ends.
    state: Checkpoint,
    bytes: u64,
    changed: bool,
    /// A flush whose record is durable and whose lines may be written in part.
    started: Option<Started>,
    /// A sync failed, or a flush was left halfway: only the journal knows what the files should hold.
    stale: bool,
    claim: Option<Claim>,
    _lock: Box<dyn Lock>,
}

struct Started {
    flush: Flush,
    /// Where each file's lines begin.
    places: HashMap<FileKey, u64>,
}

/// A staged range that continues the output.
struct Part<'a> {
    range: Range,
    lines: &'a Lines,
}

impl<'a> Part<'a> {
    fn new(staged: &Staged, rendered: &'a Rendered) -> Self {
        let (partition, skipped) = (staged.lease.partition, rendered.skipped.clone());
        let range = Range { partition, from: staged.from, to: staged.to, skipped, totals: rendered.totals };
        Self { range, lines: &rendered.lines }
    }
}

fn unavailable(context: &str) -> impl FnOnce(io::Error) -> SinkError + '_ {
    move |error| SinkError::Unavailable(QueueError::io(context, error))
}

impl FilesSink {
    /// A sink that has not touched its folder yet.
    #[must_use]
    pub fn new(world: World, queue: Arc<dyn Queue>, config: FilesConfig) -> Self {
        Self { world, queue, config, output: Mutex::new(None), totals: std::sync::Mutex::default() }
    }

    /// Looks whether another folder holds the files of the group.
    ///
    /// # Errors
    /// `Stop` with the reason if there is one; `Unavailable` if it is not known.
    pub async fn look_for_others(&self) -> Result<(), SinkError> {
        Claim::look(&self.world, &*self.queue, &self.config).await
    }

    fn lock(&self) -> Result<Box<dyn Lock>, SinkError> {
        let path = self.config.journal_dir().join("LOCK");
        self.world.fs().lock(&path).map_err(|failure| match failure {
            LockFailure::Io(error) => {
                SinkError::Unavailable(QueueError::io("cannot lock the folder of the files", error))
            }
            LockFailure::Held(pid) => {
                let pid = pid.map_or("another process".to_owned(), |pid| format!("process {pid}"));
                let reason = format!("{pid} writes to {} already", self.config.dir.display());
                SinkError::Unavailable(QueueError::new(Class::Unavailable, reason))
            }
        })
    }

    /// Opens the folder and completes what was cut short.
    async fn open_output(&self, log: LogId) -> Result<Output, SinkError> {
        let fs = self.world.fs().clone();
        let dir = self.config.journal_dir();
        fs.create_dir_all(&dir).map_err(unavailable("cannot make the folder of the files"))?;
        let lock = self.lock()?;
        let found = Journal::find(&*fs, &dir).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => SinkError::Stop(QueueError::io(advice(), error)),
            _ => SinkError::Unavailable(QueueError::io("cannot read the journal of the files", error)),
        })?;
        let root = self.config.dir.join("logs");
        let mut folder = Folder::new(fs.clone(), root, self.config.default_customer.clone());
        let number = found.as_ref().map_or(0, |found| found.number);
        let mut state = Checkpoint { log, lanes: BTreeMap::new() };
        if let Some(found) = found {
            state = found.checkpoint;
            let (queue, topic) = (&*self.queue, &self.config.topic);
            let rolled = recover::roll_forward(queue, topic, &mut folder, &mut state, &found.flushes).await;
            rolled.map_err(stop)?;
        }
        let claim = Claim::of(&self.world, &*self.queue, &dir)
            .map_err(unavailable("cannot read the id of the folder of the files"))?;
        let journal = Journal::after(fs, dir, number);
        let mut output = Output {
            folder,
            journal,
            state,
            bytes: 0,
            changed: true,
            started: None,
            stale: false,
            claim,
            _lock: lock,
        };
        output.checkpoint()?;
        Ok(output)
    }

    /// Forgets where the output ended, whatever it was, and goes on at `positions` of the log. Totals begin anew:
    /// the log holds `before` records in front of these positions, which this output will never read.
    ///
    /// # Errors
    /// The folder cannot be written, or another process writes to it.
    pub async fn adopt(
        &self,
        log: LogId,
        positions: &[(Partition, Offset)],
        before: u64,
    ) -> Result<(), SinkError> {
        let fs = self.world.fs().clone();
        let dir = self.config.journal_dir();
        fs.create_dir_all(&dir).map_err(unavailable("cannot make the folder of the files"))?;
        let _lock = self.lock()?;
        let number = Journal::last(&*fs, &dir).map_err(unavailable("cannot read the folder of the files"))?;
        let lane =
            |(partition, next): &(Partition, Offset)| (*partition, Lane { next: *next, ..Lane::default() });
        let mut state = Checkpoint { log, lanes: positions.iter().map(lane).collect() };
        if let Some(first) = state.lanes.values_mut().next() {
            first.totals = Totals { read: before, expired: before, ..Totals::default() };
        }
        let mut journal = Journal::after(fs, dir, number.unwrap_or(0));
        journal.begin(&state).map_err(unavailable("cannot begin the next journal of the files"))?;
        *self.output.lock().await = None;
        Ok(())
    }

    async fn check_claim(&self, output: &mut Output) -> Result<(), SinkError> {
        let Some(claim) = &mut output.claim else { return Ok(()) };
        claim.check(&*self.queue, &self.config).await
    }

    fn publish_totals(&self, lanes: &BTreeMap<Partition, Lane>) {
        self.totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(lanes);
    }

    /// Opens the output if it is not open, and anew if it is stale: rolling forward writes all lines since the
    /// checkpoint again, also those that the system took for written when their sync failed.
    async fn renew<'a>(&self, slot: &'a mut Option<Output>, log: LogId) -> Result<&'a mut Output, SinkError> {
        let opened = match slot.take_if(|output| !output.stale) {
            Some(output) => output,
            None => {
                *slot = None;
                self.open_output(log).await?
            }
        };
        Ok(slot.insert(opened))
    }

    async fn open_lane(&self, lease: Lease, committed: Option<&Committed>) -> Result<Opening, SinkError> {
        let mut guard = self.output.lock().await;
        let output = self.renew(&mut guard, lease.log).await?;
        if output.state.log != lease.log && !output.state.lanes.is_empty() {
            let error = logmill_queue::StartError::OtherLog { asked: output.state.log, found: lease.log };
            return Err(stop(error));
        }
        self.check_claim(output).await?;
        // An output that holds nothing yet fits to any log.
        output.state.log = lease.log;
        self.publish_totals(&output.state.lanes);
        let ours = output.state.lanes.get(&lease.partition).map(|lane| lane.next);
        let next = ours.or(committed.map(|committed| committed.offset));
        let start = Start::after(lease.log, next);
        if let (Some(claim), None) = (&mut output.claim, ours) {
            let bounds = self.queue.bounds(&lease.topic, lease.partition).await;
            let (oldest, _) = bounds.map_err(SinkError::Unavailable)?;
            claim.begin(lease.partition, next.unwrap_or(oldest));
        }
        Ok(Opening::new(Box::new(FilesWriter::default()), start))
    }

    async fn commit_ranges(&self, staged: &[Staged]) -> Result<Vec<Outcome>, SinkError> {
        let Some(log) = staged.first().map(|s| s.lease.log) else { return Ok(Vec::new()) };
        let mut guard = self.output.lock().await;
        let output = self.renew(&mut guard, log).await?;
        output.claim.as_ref().map_or(Ok(()), Claim::is_held)?;
        let mut outcomes = Vec::with_capacity(staged.len());
        let mut parts = Vec::new();
        for staged in staged {
            let (outcome, part) = output.judge(staged);
            outcomes.push(outcome);
            parts.extend(part);
        }
        if !parts.is_empty() {
            output.flush(&parts)?;
        }
        self.publish_totals(&output.state.lanes);
        if output.bytes >= CHECKPOINT_BYTES || output.folder.touched() >= CHECKPOINT_FILES {
            output.checkpoint()?;
            for outcome in &mut outcomes {
                if let Outcome::Done(partition, committed) = outcome {
                    *committed = output.committed(*partition);
                }
            }
        }
        Ok(outcomes)
    }
}

fn advice() -> String {
    "the positions of the files cannot be read; `logmill queue adopt --from oldest|end` decides where to go on"
        .to_owned()
}

/// Output and log do not fit together: only an operator can decide.
fn stop(error: logmill_queue::StartError) -> SinkError {
    match error {
        logmill_queue::StartError::Queue(error) => SinkError::Unavailable(error),
        other => {
            let reason = format!(
                "the hourly files do not fit to this queue: {other}. It was emptied, replaced or restored from a \
                 copy; `logmill queue adopt --from oldest|end` decides where to go on"
            );
            SinkError::Stop(QueueError::new(Class::Invalid, reason))
        }
    }
}

impl Output {
    /// Whether a range continues the output. Ranges that were flushed before are done.
    fn judge<'a>(&self, staged: &'a Staged) -> (Outcome, Option<Part<'a>>) {
        let partition = staged.lease.partition;
        if !staged.lease.is_held() {
            return (staged.fenced(), None);
        }
        let next = self.state.lanes.get(&partition).map(|lane| lane.next);
        match (next, staged.content.downcast_ref::<Rendered>()) {
            (Some(next), _) if next >= staged.to => (Outcome::Done(partition, None), None),
            (Some(next), _) if next != staged.from => (Outcome::Moved { partition, at: next }, None),
            (_, Some(rendered)) => (Outcome::Done(partition, None), Some(Part::new(staged, rendered))),
            (_, None) => (staged.fenced(), None),
        }
    }

    fn flush(&mut self, parts: &[Part<'_>]) -> Result<(), SinkError> {
        let ranges: Vec<_> = parts.iter().map(|part| part.range.clone()).collect();
        if self.started.as_ref().is_some_and(|started| started.flush.ranges != ranges) {
            // Their owner is gone, and cannot come again: the journal completes them.
            self.stale = true;
            let reason = "lines that another owner began to write come first";
            return Err(SinkError::Unavailable(QueueError::new(Class::Unavailable, reason)));
        }
        if self.started.is_none() {
            self.start(Flush { ranges, bases: Vec::new() }, parts)?;
        }
        self.write(parts).map_err(unavailable("cannot write the hourly files"))?;
        let Some(Started { flush, .. }) = self.started.take() else { return Ok(()) };
        for range in &flush.ranges {
            let lane = self.state.lanes.entry(range.partition).or_default();
            lane.next = range.to;
            lane.totals.add(&range.totals);
        }
        self.bytes += parts.iter().map(|part| part.lines.bytes as u64).sum::<u64>();
        Ok(())
    }

    /// Makes the flush record durable; from then on its lines will be written, whatever happens.
    fn start(&mut self, mut flush: Flush, parts: &[Part<'_>]) -> Result<(), SinkError> {
        if self.journal.is_broken() {
            self.changed = true;
            self.checkpoint()?;
        }
        let places = self.places(&mut flush, parts).map_err(unavailable("cannot open an hourly file"))?;
        self.changed = true;
        self.journal.append(&flush).map_err(unavailable("cannot write the journal of the files"))?;
        for (file, base) in &flush.bases {
            self.folder.set_base(file, *base);
        }
        self.started = Some(Started { flush, places });
        Ok(())
    }

    fn places(&mut self, flush: &mut Flush, parts: &[Part<'_>]) -> io::Result<HashMap<FileKey, u64>> {
        let mut places = HashMap::new();
        for (file, _) in parts.iter().flat_map(|part| &part.lines.files) {
            if places.contains_key(file) {
                continue;
            }
            let (place, is_news) = self.folder.place(file)?;
            places.insert(file.clone(), place);
            if is_news {
                flush.bases.push((file.clone(), place));
            }
        }
        Ok(places)
    }

    fn write(&mut self, parts: &[Part<'_>]) -> io::Result<()> {
        let mut places = self.started.as_ref().map(|started| started.places.clone()).unwrap_or_default();
        for (file, lines) in parts.iter().flat_map(|part| &part.lines.files) {
            let place = places.entry(file.clone()).or_default();
            self.folder.write(file, *place, lines)?;
            *place += lines.len() as u64;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), SinkError> {
        if self.started.is_some() {
            let reason = "lines whose flush record is durable are still to be written";
            return Err(SinkError::Unavailable(QueueError::new(Class::Unavailable, reason)));
        }
        if self.changed {
            let synced = self.folder.sync();
            // The same sync again could succeed without having written anything.
            self.stale = synced.is_err();
            synced.map_err(unavailable("cannot sync the hourly files"))?;
            self.journal
                .begin(&self.state)
                .map_err(unavailable("cannot begin the next journal of the files"))?;
            self.bytes = 0;
            self.changed = false;
        }
        Ok(())
    }

    fn committed(&self, partition: Partition) -> Option<Committed> {
        let opened = self.claim.as_ref().and_then(|claim| claim.begun(partition));
        let offset = self.state.lanes.get(&partition).map(|lane| lane.next).or(opened)?;
        let note = self.claim.as_ref().map(Claim::note).unwrap_or_default();
        Some(Committed { offset, note })
    }
}

impl Sink for FilesSink {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(self.open_lane(lease, committed))
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(self.commit_ranges(staged))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        Box::pin(async move {
            let mut guard = self.output.lock().await;
            let Some(log) = guard.as_ref().map(|output| output.state.log) else { return Ok(Vec::new()) };
            let output = self.renew(&mut guard, log).await?;
            output.checkpoint()?;
            self.check_claim(output).await?;
            let opened = output.claim.iter().flat_map(Claim::partitions);
            let partitions: BTreeSet<Partition> = output.state.lanes.keys().copied().chain(opened).collect();
            let position = |partition| Some((partition, output.committed(partition)?));
            Ok(partitions.into_iter().filter_map(position).collect())
        })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        let lanes = self.totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lanes.iter().map(|(partition, lane)| (*partition, lane.totals)).collect()
    }
}
