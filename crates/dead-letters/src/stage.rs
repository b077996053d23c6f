//! The stage that copies rejected records to the dead letters.

use bytes::Bytes;
use logmill_model::{Format, Records, Scratch};
use logmill_pipeline::{DeadLetters, Letter};
use logmill_queue::{
    BoxFuture, Committed, Content, Delivery, Frame, Lease, Note, Opening, Outcome, Partition, Sink,
    SinkError, Staged, Start, Totals, Writer, Written,
};

/// A range is staged beyond so many bytes of letters.
const FULL: usize = 4 << 20;

/// The stage, as a sink that writes to the dead letters.
pub struct LetterStage {
    letters: DeadLetters,
}

impl LetterStage {
    /// A stage that sends to `letters`.
    #[must_use]
    pub fn new(letters: DeadLetters) -> Self {
        Self { letters }
    }

    async fn send(&self, staged: &Staged) -> Outcome {
        let (lease, partition) = (&staged.lease, staged.lease.partition);
        if !lease.is_held() {
            return Outcome::Fenced { partition, epoch: lease.epoch };
        }
        for letter in staged.content.downcast_ref::<Vec<Letter>>().into_iter().flatten() {
            self.letters.send(lease.log, partition, letter).await;
        }
        Outcome::Done(partition, Some(Committed { offset: staged.to, note: Note::default() }))
    }
}

impl Sink for LetterStage {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        let start = committed.map_or(Start::Oldest, |committed| Start::At(lease.log, committed.offset));
        let writer = LetterWriter { letters: Vec::new(), bytes: 0 };
        Box::pin(async move { Ok(Opening::new(Box::new(writer), start)) })
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(staged.len());
            for staged in staged {
                outcomes.push(self.send(staged).await);
            }
            Ok(outcomes)
        })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        // Each commit is final already.
        Box::pin(async { Ok(Vec::new()) })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        // It delivers nothing: the sinks account for the rejected records.
        Vec::new()
    }
}

struct LetterWriter {
    letters: Vec<Letter>,
    bytes: usize,
}

/// The rejected records of a frame, each with the reason.
fn rejected(format: Format, frame: &Frame) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(frame.header.rejected.len());
    let (mut records, mut scratch) = (Records::new(format, &frame.payload), Scratch::default());
    let mut wanted = frame.header.rejected.iter().copied().peekable();
    let mut index = 0;
    while wanted.peek().is_some() {
        // A record may be rejected by a limit that only the door knows, such as the depth of nesting.
        let reason = match records.next(&mut scratch) {
            None => break,
            Some(Ok(_)) => "it was over a limit of the door".to_owned(),
            Some(Err(error)) => error.reason.into_owned(),
        };
        if wanted.next_if_eq(&index).is_some() {
            let payload = Some(Bytes::from(records.alone()));
            letters.push(Letter { frame: frame.clone(), index: Some(index), payload, reason });
        }
        index += 1;
    }
    letters
}

impl Writer for LetterWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        match delivery {
            Delivery::Frame(frame) => {
                if let (Some(format), false) =
                    (Format::from_code(frame.header.encoding.0), frame.header.rejected.is_empty())
                {
                    let letters = rejected(format, frame);
                    self.bytes +=
                        letters.iter().filter_map(|l| l.payload.as_ref()).map(Bytes::len).sum::<usize>();
                    self.letters.extend(letters);
                }
            }
            Delivery::Damaged { .. } => {}
        }
        Written { rejected: Vec::new(), full: self.bytes >= FULL }
    }

    fn skip(&mut self, _: &Frame) {}

    fn stage(&mut self) -> Content {
        self.bytes = 0;
        Box::new(std::mem::take(&mut self.letters))
    }
}
