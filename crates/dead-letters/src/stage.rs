//! The stage that copies the records to the dead letters that the door rejected in a lenient batch.

use bytes::Bytes;
use logmill_model::{Format, Records, Scratch};
use logmill_queue::{
    BoxFuture, Committed, Content, Delivery, Frame, Lease, Note, Opening, Outcome, Partition, Rejected, Sink,
    SinkError, Staged, Start, Totals, Writer, Written,
};

/// A range is staged beyond so many bytes of letters.
const FULL: usize = 4 << 20;

/// The stage, as a sink that writes nothing: what its writer rejects goes to the dead letters.
pub struct LetterStage;

impl Sink for LetterStage {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        let start = Start::after(lease.log, committed.map(|committed| committed.offset));
        let writer = LetterWriter { bytes: 0 };
        Box::pin(async move { Ok(Opening::new(Box::new(writer), start)) })
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async move { Ok(staged.iter().map(outcome).collect()) })
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

fn outcome(staged: &Staged) -> Outcome {
    if staged.lease.is_held() { staged.done(Note::default()) } else { staged.fenced() }
}

struct LetterWriter {
    /// Of the letters since the last range.
    bytes: usize,
}

/// The rejected records of a frame, each with the reason.
fn rejected(format: Format, frame: &Frame) -> Vec<Rejected> {
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
            letters.push(Rejected { offset: frame.offset, index: Some(index), reason, payload });
        }
        index += 1;
    }
    letters
}

impl Writer for LetterWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let rejected = match delivery {
            Delivery::Frame(frame) if !frame.header.rejected.is_empty() => {
                Format::from_code(frame.header.encoding.0)
                    .map(|format| rejected(format, frame))
                    .unwrap_or_default()
            }
            Delivery::Frame(_) | Delivery::Damaged { .. } => Vec::new(),
        };
        self.bytes +=
            rejected.iter().filter_map(|letter| letter.payload.as_ref()).map(Bytes::len).sum::<usize>();
        Written { rejected, full: self.bytes >= FULL }
    }

    fn skip(&mut self, _: &Frame) {}

    fn stage(&mut self) -> Content {
        self.bytes = 0;
        Box::new(())
    }
}
