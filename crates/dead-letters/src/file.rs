//! Dead letters as lines of an NDJSON file, for those who watch a file.
//!
//! The position lives with the output: each line names its place in the topic, and the last whole line says
//! where to go on.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use logmill_model::Timestamp;
use logmill_queue::{
    BoxFuture, Class, Committed, Content, Delivery, Frame, Lease, Note, Offset, Opening, Outcome, Partition,
    QueueError, Sink, SinkError, Staged, Start, Totals, Writer, Written,
};
use logmill_world::{File, Mode, World};
use serde_json::{Value, json};

/// A range is staged beyond so many bytes of lines.
const FULL: usize = 1 << 20;
/// A line is looked for in so many bytes at the file's end.
const LONGEST_LINE: u64 = 256 << 20;

/// All letters are in this partition, also where the topic has others.
const LETTERS: Partition = Partition(0);

/// The file, as a sink of a dead-letter topic.
pub struct LetterFile {
    world: World,
    path: PathBuf,
    output: Mutex<Option<Output>>,
}

struct Output {
    file: Box<dyn File>,
    end: u64,
    /// The place of the last line, and where the next one comes from.
    next: Option<Offset>,
}

fn unavailable(error: io::Error) -> SinkError {
    SinkError::Unavailable(QueueError::caused(
        Class::Unavailable,
        "the file of dead letters (dead_letters.file)",
        error,
    ))
}

impl LetterFile {
    /// A sink that appends to the file at `path`.
    #[must_use]
    pub fn new(world: World, path: PathBuf) -> Self {
        Self { world, path, output: Mutex::new(None) }
    }

    fn open_file(&self) -> io::Result<Output> {
        let fs = self.world.fs();
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs.create_dir_all(folder)?;
        }
        let file = fs.open(&self.path, Mode::Create)?;
        fs.sync_dir(folder.unwrap_or(std::path::Path::new(".")))?;
        let len = file.len()?;
        let from = len.saturating_sub(LONGEST_LINE);
        let mut tail = vec![0; usize::try_from(len - from).unwrap_or(usize::MAX)];
        file.read_at(&mut tail, from)?;
        // A line that was being written when the process ended is written again.
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = from + whole as u64;
        file.set_len(end)?;
        let last = tail.get(..whole.saturating_sub(1)).unwrap_or_default();
        let last = last.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let next = serde_json::from_slice::<Value>(last).ok().and_then(|line| line["letter"].as_u64());
        Ok(Output { file, end, next: next.map(|letter| letter + 1) })
    }

    fn append(&self, staged: &Staged) -> Result<Outcome, SinkError> {
        if !staged.lease.is_held() {
            return Ok(staged.fenced());
        }
        if staged.lease.partition != LETTERS {
            // Somebody else's messages: the file has no place for them, the topic keeps them.
            return Ok(staged.done(Note::default()));
        }
        let mut guard = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(output) = guard.as_mut() else { return Ok(staged.fenced()) };
        let lines = staged.content.downcast_ref::<Vec<u8>>().map(Vec::as_slice).unwrap_or_default();
        if output.next.is_none_or(|next| next < staged.to) {
            output.file.write_at(&[IoSlice::new(lines)], output.end).map_err(unavailable)?;
            output.file.sync_data().map_err(unavailable)?;
            output.end += lines.len() as u64;
            output.next = Some(staged.to);
        }
        Ok(staged.done(Note::default()))
    }
}

impl Sink for LetterFile {
    fn open<'a>(
        &'a self,
        lease: Lease,
        committed: Option<&'a Committed>,
    ) -> BoxFuture<'a, Result<Opening, SinkError>> {
        Box::pin(async move {
            let position = committed.map(|committed| committed.offset);
            let writer = Box::new(LineWriter { lines: Vec::new() });
            if lease.partition != LETTERS {
                // The last line of the file says nothing of it.
                return Ok(Opening::new(writer, Start::after(lease.log, position)));
            }
            let output = self.open_file().map_err(unavailable)?;
            // A file that was rotated away holds no position; the group's is as good, since each commit is final.
            let next = output.next.max(position);
            *self.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
            Ok(Opening::new(writer, Start::after(lease.log, next)))
        })
    }

    fn commit<'a>(&'a self, staged: &'a [Staged]) -> BoxFuture<'a, Result<Vec<Outcome>, SinkError>> {
        Box::pin(async move { staged.iter().map(|staged| self.append(staged)).collect() })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Vec<(Partition, Committed)>, SinkError>> {
        // Each commit is final already.
        Box::pin(async { Ok(Vec::new()) })
    }

    fn totals(&self) -> Vec<(Partition, Totals)> {
        Vec::new()
    }
}

/// A letter as one line: its attributes, its time, and the payload as text.
fn line(frame: &Frame) -> Value {
    let micros = frame.header.received_at.max(0).cast_unsigned();
    let mut time = Vec::new();
    if let Some(moment) = Timestamp::new(micros / 1_000_000, 0) {
        moment.write(0, &mut time);
    }
    let mut line = json!({ "letter": frame.offset, "time": String::from_utf8_lossy(&time) });
    for (name, value) in &frame.header.attributes {
        line[name] = String::from_utf8_lossy(value).into();
    }
    line["customer"] = frame.header.customer.as_str().into();
    line["payload"] = String::from_utf8_lossy(&frame.payload).into();
    line
}

struct LineWriter {
    lines: Vec<u8>,
}

impl Writer for LineWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        match delivery {
            Delivery::Frame(frame) => {
                self.lines.extend(line(frame).to_string().into_bytes());
                self.lines.push(b'\n');
            }
            Delivery::Damaged { .. } => {}
        }
        Written { rejected: Vec::new(), full: self.lines.len() >= FULL }
    }

    fn skip(&mut self, _: &Frame) {}

    fn stage(&mut self) -> Content {
        Box::new(std::mem::take(&mut self.lines))
    }
}
