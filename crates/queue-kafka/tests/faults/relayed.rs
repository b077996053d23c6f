//! What the members of the run `relay` do: read some frames, relay them with the position.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use logmill_queue::{
    Append, CommitError, Delivery, Frame, Note, Offset, Partition, PartitionReader, QueueError, Route, Start,
    StartError, Topic,
};

use crate::frames;
use crate::member::{End, Ending, Work};
use crate::run::Run;

/// Frames in one transaction.
const BATCH: usize = 50;
/// What is not there within this time is left to the next batch.
const MORE: Duration = Duration::from_millis(30);
const AGAIN: Duration = Duration::from_millis(200);
/// The position is told within this time, the open transaction of another owner and a broker that is away included.
const TOLD: Duration = Duration::from_secs(60);
/// A relay is answered within this time: each of its steps may wait for 10 s.
const RELAYED: Duration = Duration::from_secs(120);
/// Who was answered `Fenced` learns within this time that the lease has ended.
const LEARNS: Duration = Duration::from_secs(60);

/// The relays of a crew.
pub(crate) struct Relays {
    run: Arc<Run>,
    out: Topic,
    /// Where the group stands, as members were told.
    at: Mutex<BTreeMap<Partition, Offset>>,
    done: AtomicU64,
    fenced: AtomicU64,
    /// `Fenced` for a lease that was still held when the answer came.
    fenced_held: AtomicU64,
    unknown: AtomicU64,
    unavailable: AtomicU64,
    left: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

/// What comes after an attempt.
enum Next {
    Batch,
    /// The position has to be asked for again.
    Begin,
    Release,
}

impl Relays {
    pub(crate) fn new(run: &Arc<Run>, out: &str) -> Self {
        Self {
            run: run.clone(),
            out: frames::topic(out),
            at: Mutex::default(),
            done: AtomicU64::new(0),
            fenced: AtomicU64::new(0),
            fenced_held: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
            left: AtomicU64::new(0),
            reasons: Mutex::default(),
        }
    }

    /// Whether the group stands at `end` or behind it.
    pub(crate) fn is_at(&self, partition: Partition, end: Offset) -> bool {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.get(&partition).is_some_and(|at| *at >= end)
    }

    fn moved(&self, partition: Partition, to: Offset) {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, to);
    }

    pub(crate) fn counts(&self) -> String {
        let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        format!(
            "relays: {} done, {} fenced ({} of them while the lease was held), {} unknown, {} unavailable, {} left \
             {reasons:?}",
            n(&self.done),
            n(&self.fenced),
            n(&self.fenced_held),
            n(&self.unknown),
            n(&self.unavailable),
            n(&self.left),
        )
    }

    fn count(&self, error: &CommitError) {
        let counter = match error {
            CommitError::Fenced => &self.fenced,
            CommitError::Unavailable(_) => &self.unavailable,
            CommitError::Unknown(_) => &self.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        *reasons.entry(error.to_string().chars().take(110).collect()).or_default() += 1;
    }

    /// Begins where the group stands; false if the lease has ended.
    async fn begin(&self, reader: &mut dyn PartitionReader) -> bool {
        loop {
            let told = self.run.within(TOLD, "the position is told", reader.committed()).await;
            if !reader.lease().is_held() {
                return false;
            }
            if let Ok(position) = told {
                let at = position
                    .as_ref()
                    .map_or(Start::Oldest, |position| Start::At(reader.lease().log, position.offset));
                let noted = position.as_ref().is_none_or(|p| p.note.as_str() == p.offset.to_string());
                self.run.expect(noted, || format!("a position comes with its own note, not {position:?}"));
                match reader.start(at).await {
                    Ok(begun) => {
                        self.moved(reader.lease().partition, begun);
                        return true;
                    }
                    Err(StartError::Fenced) => return false,
                    Err(StartError::Queue(_)) => {}
                    Err(error) => panic!("a position that was committed can be read from: {error}"),
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn turns(&self, reader: &mut dyn PartitionReader, mut ending: Ending, rng: &mut fastrand::Rng) {
        while *ending.borrow() == End::NotYet && self.begin(reader).await {
            let mut next = Next::Batch;
            while matches!(next, Next::Batch) {
                let read = tokio::select! {
                    read = batch(reader, rng.usize(1..=BATCH)) => read,
                    _ = ending.changed() => return,
                };
                next = match read {
                    Ok(frames) => self.relay(reader, &frames).await,
                    Err(_) => Next::Begin,
                };
            }
            if matches!(next, Next::Release) {
                return self.learn(reader, ending).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn relay(&self, reader: &mut dyn PartitionReader, frames: &[Frame]) -> Next {
        let Some(last) = frames.last() else { return Next::Batch };
        let (partition, epoch, upto) = (reader.lease().partition, reader.lease().epoch, last.offset + 1);
        let out = frames.iter().map(|frame| self.output(frame, partition, epoch)).collect();
        let note = Note::new(upto.to_string()).unwrap();
        let answer = self.run.within(RELAYED, "a relay is answered", reader.relay(out, upto, &note)).await;
        match answer {
            Ok(()) => {
                self.done.fetch_add(1, Ordering::Relaxed);
                self.moved(partition, upto);
                Next::Batch
            }
            Err(error) => {
                self.count(&error);
                if matches!(error, CommitError::Fenced) { Next::Release } else { Next::Begin }
            }
        }
    }

    fn output(&self, frame: &Frame, partition: Partition, epoch: u64) -> Append {
        let mut header = frame.header.clone();
        header.attributes.push(("epoch".to_owned(), Bytes::from(epoch.to_string())));
        Append {
            topic: self.out.clone(),
            route: Route::To(partition),
            header,
            payload: frame.payload.clone(),
        }
    }

    /// `Fenced` is for leases that have ended, and the member is told of it.
    async fn learn(&self, reader: &mut dyn PartitionReader, mut ending: Ending) {
        if reader.lease().is_held() {
            self.fenced_held.fetch_add(1, Ordering::Relaxed);
        }
        let told = ending.wait_for(|end| *end != End::NotYet);
        // A member that was dropped meanwhile is told nothing.
        let _ = self.run.within(LEARNS, "Fenced is followed by Lost or Revoking", told).await;
    }
}

/// One frame, and those that are there with it.
async fn batch(reader: &mut dyn PartitionReader, most: usize) -> Result<Vec<Frame>, QueueError> {
    let mut frames = Vec::new();
    frames.push(frame(reader.next().await?));
    while frames.len() < most {
        match tokio::time::timeout(MORE, reader.next()).await {
            Ok(delivery) => frames.push(frame(delivery?)),
            Err(_) => break,
        }
    }
    Ok(frames)
}

fn frame(delivery: Delivery) -> Frame {
    match delivery {
        Delivery::Frame(frame) => frame,
        Delivery::Damaged { from, to, .. } => panic!("Kafka has no damage, but told of {from}..{to}"),
    }
}

impl Work for Relays {
    async fn own(self: Arc<Self>, member: u64, mut reader: Box<dyn PartitionReader>, mut ending: Ending) {
        let mut rng = self.run.choices(1_000 * member + u64::from(reader.lease().partition.0));
        // Some finish the relay under way when a partition is asked back, others leave it in the middle.
        if rng.bool() {
            self.turns(&mut *reader, ending, &mut rng).await;
        } else {
            let turns = ending.clone();
            tokio::select! {
                () = self.turns(&mut *reader, turns, &mut rng) => {}
                _ = ending.wait_for(|end| *end != End::NotYet) => { self.left.fetch_add(1, Ordering::Relaxed); }
            }
        }
        reader.release();
    }
}
