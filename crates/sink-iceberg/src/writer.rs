//! Frames of one partition as rows in memory, within one budget for all partitions.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logmill_otlp::ENCODING;
use logmill_queue::{Content, Delivery, Encoding, Frame, Rejected, Totals, Writer, Written};
use prometheus::IntGauge;

use crate::rows::{Collected, Rows, Window};

/// Days that a range may have open.
const MAX_DAYS: usize = 64;

/// What all writers of a process hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    memory: AtomicU64,
    payload: AtomicU64,
    max_memory: u64,
    max_payload: u64,
    gauge: IntGauge,
}

impl Budget {
    pub(crate) fn new(max_memory: u64, max_payload: u64, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            memory: AtomicU64::new(0),
            payload: AtomicU64::new(0),
            max_memory,
            max_payload,
            gauge,
        })
    }

    /// Whether a writer with so much payload has to be staged. The last eighth of the memory is for frames that are on their way while
    /// others are staged. Somebody with little payload would make a small file and not help against the others'.
    fn is_spent(&self, own: u64) -> bool {
        self.memory.load(Ordering::Relaxed) >= self.max_memory - self.max_memory / 8
            || (self.payload.load(Ordering::Relaxed) >= self.max_payload && own >= self.max_payload / 64)
    }
}

/// A share of the budget that follows what its owner holds, and is given back with it.
struct Share {
    budget: Arc<Budget>,
    memory: u64,
    payload: u64,
}

impl Share {
    fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), memory: 0, payload: 0 }
    }

    fn set(&mut self, memory: u64, payload: u64) {
        let follow = |counter: &AtomicU64, old: u64, new: u64| {
            // Wraps when it shrinks; the sum of all shares never does.
            counter.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
        };
        follow(&self.budget.memory, self.memory, memory);
        follow(&self.budget.payload, self.payload, payload);
        (self.memory, self.payload) = (memory, payload);
        let held = self.budget.memory.load(Ordering::Relaxed);
        self.budget.gauge.set(i64::try_from(held).unwrap_or(i64::MAX));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}

/// What a staged range holds for the sink.
pub(crate) struct StagedRows {
    pub collected: Arc<Collected>,
    pub totals: Totals,
    /// Until the range is committed its payload no longer counts, its memory does.
    _share: Share,
}

/// The writer of one partition.
pub(crate) struct RowWriter {
    rows: Rows,
    totals: Totals,
    share: Share,
    payload: u64,
}

impl RowWriter {
    pub(crate) fn new(window: Window, budget: &Arc<Budget>) -> Self {
        let rows = Rows::new(window);
        Self { rows, totals: Totals::default(), share: Share::new(budget), payload: 0 }
    }

    fn take(&mut self, frame: &Frame) -> Vec<Rejected> {
        let accepted = u64::from(frame.header.accepted());
        self.totals.rejected += frame.header.rejected.len() as u64;
        match self.append(frame) {
            Ok(rows) => {
                // Nobody counted the records of a message that somebody else put into the topic.
                let counted = if frame.header.encoding == Encoding::OPAQUE { rows } else { accepted };
                self.totals.read += counted + frame.header.rejected.len() as u64;
                self.totals.delivered += rows;
                self.totals.dead_lettered += counted.saturating_sub(rows);
                Vec::new()
            }
            Err(reason) => {
                self.totals.read += u64::from(frame.header.count);
                self.totals.dead_lettered += accepted;
                vec![Rejected { offset: frame.offset, index: None, reason, payload: None }]
            }
        }
    }

    fn append(&mut self, frame: &Frame) -> Result<u64, String> {
        let header = &frame.header;
        if ![Encoding(ENCODING), Encoding::OPAQUE].contains(&header.encoding) {
            return Err(format!("encoding {} is no OTLP request", header.encoding.0));
        }
        self.rows
            .append(&frame.payload, header.received_at)
            .map_err(|invalid| format!("no OTLP request: {invalid}"))
    }
}

impl Writer for RowWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let rejected = match delivery {
            Delivery::Frame(frame) => {
                self.payload += frame.payload.len() as u64;
                self.take(frame)
            }
            Delivery::Damaged { records, .. } => {
                self.totals.read += records;
                self.totals.damaged += records;
                Vec::new()
            }
        };
        self.share.set(self.rows.collected().held() as u64, self.payload);
        let days = self.rows.collected().days().len();
        Written { rejected, full: self.share.budget.is_spent(self.payload) || days >= MAX_DAYS }
    }

    fn skip(&mut self, frame: &Frame) {
        self.totals.read += u64::from(frame.header.count);
        self.totals.rejected += frame.header.rejected.len() as u64;
        self.totals.dead_lettered += u64::from(frame.header.accepted());
    }

    fn stage(&mut self) -> Content {
        let collected = Arc::new(self.rows.finish());
        let mut share = Share::new(&self.share.budget);
        share.set(collected.held() as u64, 0);
        self.payload = 0;
        self.share.set(0, 0);
        Box::new(StagedRows { collected, totals: std::mem::take(&mut self.totals), _share: share })
    }
}
