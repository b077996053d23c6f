//! From frames to lines: a pure function of the frame, so that a crash can have them rendered again.

use std::collections::HashMap;
use std::sync::Arc;

use logmill_model::{Accepted, Format, Scratch, Undecoded};
use logmill_queue::{Content, Delivery, Frame, Offset, Rejected, Totals, Writer, Written};

/// A range is staged beyond so many bytes, or so many files.
const FULL: (usize, usize) = (8 << 20, 4096);
/// Bytes that a file's lines begin with: enough for a few lines.
const FIRST_CAPACITY: usize = 1024;

/// One hour of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub customer: Arc<str>,
    /// Hours since 1970, UTC.
    pub hour: u32,
}

/// Lines by file, in the order in which the files first came up.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub files: Vec<(FileKey, Vec<u8>)>,
    by_key: HashMap<FileKey, usize>,
    pub bytes: usize,
}

impl Lines {
    fn slot(&mut self, key: &FileKey) -> usize {
        if let Some(&slot) = self.by_key.get(key) {
            return slot;
        }
        self.by_key.insert(key.clone(), self.files.len());
        self.files.push((key.clone(), Vec::with_capacity(FIRST_CAPACITY)));
        self.files.len() - 1
    }
}

/// Renders frames of one partition.
#[derive(Default)]
pub(crate) struct Renderer {
    pub lines: Lines,
    pub totals: Totals,
    scratch: Scratch,
}

impl Renderer {
    /// Takes one delivery; what cannot be delivered of it is answered for the dead letters.
    pub(crate) fn take(&mut self, delivery: &Delivery) -> Vec<Rejected> {
        match delivery {
            Delivery::Frame(frame) => self.render(frame),
            Delivery::Damaged { records, .. } => {
                self.totals.read += records;
                self.totals.damaged += records;
                Vec::new()
            }
        }
    }

    /// Counts a frame that went to the dead letters as a whole.
    pub(crate) fn leave_out(&mut self, frame: &Frame) {
        self.totals.read += u64::from(frame.header.count);
        self.totals.rejected += frame.header.rejected.len() as u64;
        self.totals.dead_lettered += u64::from(frame.header.accepted());
    }

    /// Renders a frame's records but for the rejected ones. A record that cannot be decoded, though the door
    /// let it pass, is answered for the dead letters.
    pub(crate) fn render(&mut self, frame: &Frame) -> Vec<Rejected> {
        let rejected = frame.header.rejected.len() as u64;
        self.totals.read += u64::from(frame.header.count);
        self.totals.rejected += rejected;
        let accepted = u64::from(frame.header.accepted());
        let Some(format) = Format::from_code(frame.header.encoding.0) else {
            self.totals.dead_lettered += accepted;
            let reason = format!("encoding {} is no web-log batch", frame.header.encoding.0);
            return vec![Rejected { offset: frame.offset, index: None, reason, payload: None }];
        };
        let (written, letters) = self.render_records(format, frame);
        self.totals.delivered += written;
        self.totals.dead_lettered += accepted.saturating_sub(written);
        letters
    }

    fn render_records(&mut self, format: Format, frame: &Frame) -> (u64, Vec<Rejected>) {
        let customer: Arc<str> = frame.header.customer.as_str().into();
        let mut records = Accepted::new(format, &frame.payload, &frame.header.rejected);
        let (mut written, mut letters) = (0, Vec::new());
        // Most records follow one of the same hour.
        let mut last: Option<(u32, usize)> = None;
        while let Some(record) = records.next(&mut self.scratch) {
            let record = match record {
                Ok(record) => record,
                Err(Undecoded { error, alone }) => {
                    let (reason, payload) = (error.reason.into_owned(), alone.map(Into::into));
                    letters.push(Rejected { offset: frame.offset, index: error.index, reason, payload });
                    continue;
                }
            };
            let hour = record.timestamp().hour();
            let slot = match last {
                Some((known, slot)) if known == hour => slot,
                _ => self.lines.slot(&FileKey { customer: customer.clone(), hour }),
            };
            last = Some((hour, slot));
            if let Some((_, lines)) = self.lines.files.get_mut(slot) {
                let before = lines.len();
                record.write_line(lines);
                self.lines.bytes += lines.len() - before;
                written += 1;
            }
        }
        (written, letters)
    }
}

/// What a staged range holds for `FilesSink::commit`.
pub(crate) struct Rendered {
    pub lines: Lines,
    pub totals: Totals,
    /// Frames that went to the dead letters as a whole.
    pub skipped: Vec<Offset>,
}

/// The writer of one partition.
#[derive(Default)]
pub(crate) struct FilesWriter {
    renderer: Renderer,
    skipped: Vec<Offset>,
}

impl Writer for FilesWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let rejected = self.renderer.take(delivery);
        let lines = &self.renderer.lines;
        Written { rejected, full: lines.bytes >= FULL.0 || lines.files.len() >= FULL.1 }
    }

    fn skip(&mut self, frame: &Frame) {
        self.skipped.push(frame.offset);
        self.renderer.leave_out(frame);
    }

    fn stage(&mut self) -> Content {
        let lines = std::mem::take(&mut self.renderer.lines);
        let totals = std::mem::take(&mut self.renderer.totals);
        Box::new(Rendered { lines, totals, skipped: std::mem::take(&mut self.skipped) })
    }
}
