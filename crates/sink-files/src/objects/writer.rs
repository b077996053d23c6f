//! Frames of one partition as compressed parts in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use logmill_queue::{Content, Delivery, Frame, Totals, Writer, Written};

use super::codec::Codec;
use crate::render::{FileKey, Renderer};

/// Lines of one part are compressed when there are so many bytes of them.
const CHUNK: usize = 256 << 10;
/// Looked at after so many more bytes of lines.
const LOOK: usize = 1 << 20;
/// A range is closed beyond so many parts, whatever their size.
const MAX_PARTS: usize = 4096;

/// Bytes that all writers of a process hold, and their limit.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    fn is_spent(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.limit
    }
}

/// A share of the budget that follows what its owner holds, and is given back with it.
struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    fn set(&mut self, held: usize) {
        if held >= self.held {
            self.budget.held.fetch_add(held - self.held, Ordering::Relaxed);
        } else {
            self.budget.held.fetch_sub(self.held - held, Ordering::Relaxed);
        }
        self.held = held;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The lines of one hour and customer in one range.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub bytes: Vec<u8>,
    pub records: u64,
    /// It is in the store; a repetition leaves it out.
    pub is_stored: AtomicBool,
}

/// What a staged range holds for `ObjectSink::commit`.
pub(crate) struct Parts {
    pub parts: Vec<(FileKey, Part)>,
    pub totals: Totals,
    /// The range is among the totals.
    pub is_counted: AtomicBool,
    /// The range was begun before: its note is there already.
    pub is_again: bool,
    /// The compressor failed; nothing of the range may be written.
    pub failure: Option<String>,
    _share: Share,
}

/// The writer of one partition.
pub(crate) struct PartWriter {
    /// Of the range that is open.
    codec: Codec,
    /// Of all ranges that are begun here.
    own: Codec,
    renderer: Renderer,
    parts: HashMap<FileKey, Part>,
    /// The order in which parts first came up.
    order: Vec<FileKey>,
    compressed: usize,
    next_look: usize,
    is_again: bool,
    failure: Option<String>,
    share: Share,
}

impl PartWriter {
    /// `again`: the first range that is staged was begun before, with this codec.
    pub(crate) fn new(own: Codec, again: Option<Codec>, budget: &Arc<Budget>) -> Self {
        Self {
            codec: again.unwrap_or(own),
            own,
            renderer: Renderer::default(),
            parts: HashMap::new(),
            order: Vec::new(),
            compressed: 0,
            next_look: LOOK,
            is_again: again.is_some(),
            failure: None,
            share: Share { budget: budget.clone(), held: 0 },
        }
    }

    /// Compresses what has at least `least` bytes of lines.
    fn squeeze(&mut self, least: usize) {
        let Self { renderer, parts, order, codec, .. } = self;
        for (key, lines) in renderer.lines.files.iter_mut().filter(|(_, lines)| lines.len() >= least.max(1)) {
            let part = parts.entry(key.clone()).or_insert_with(|| {
                order.push(key.clone());
                Part::default()
            });
            let before = part.bytes.len();
            if let Err(error) = codec.append(lines, &mut part.bytes) {
                self.failure = Some(error.to_string());
                return;
            }
            self.compressed += part.bytes.len() - before;
            part.records += memchr::memchr_iter(b'\n', lines).count() as u64;
            renderer.lines.bytes -= lines.len();
            lines.clear();
        }
    }

    fn account(&mut self) -> bool {
        if self.renderer.lines.bytes >= self.next_look {
            self.squeeze(CHUNK);
            self.next_look = self.renderer.lines.bytes + LOOK;
        }
        self.share.set(self.renderer.lines.bytes + self.compressed);
        self.share.budget.is_spent() || self.renderer.lines.files.len() >= MAX_PARTS
    }
}

impl Writer for PartWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let rejected = self.renderer.take(delivery);
        Written { rejected, full: self.account() }
    }

    fn skip(&mut self, frame: &Frame) {
        self.renderer.leave_out(frame);
    }

    fn stage(&mut self) -> Content {
        self.squeeze(1);
        self.renderer.lines = crate::render::Lines::default();
        self.next_look = LOOK;
        self.codec = self.own;
        let mut found = std::mem::take(&mut self.parts);
        let order = std::mem::take(&mut self.order);
        let parts = order.into_iter().filter_map(|key| found.remove(&key).map(|part| (key, part))).collect();
        let budget = self.share.budget.clone();
        let mut share = Share { budget, held: 0 };
        share.set(std::mem::take(&mut self.compressed));
        self.share.set(0);
        Box::new(Parts {
            parts,
            totals: std::mem::take(&mut self.renderer.totals),
            is_counted: AtomicBool::new(false),
            is_again: std::mem::take(&mut self.is_again),
            failure: self.failure.take(),
            _share: share,
        })
    }
}
