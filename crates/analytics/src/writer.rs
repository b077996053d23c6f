//! From frames to what they add.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use logmill_model::{Format, Undecoded};
use logmill_queue::{Content, Delivery, Frame, Rejected, Totals, Writer, Written};
use logmill_rollup::{Batch, Delta, Micros, Summarizer};

/// All writers of a sink are staged beyond so many bytes.
const BUDGET: usize = 64 << 20;
/// A writer with less than this is not staged for the others' sake.
const LITTLE: usize = 1 << 20;

/// What a staged range holds for `AnalyticsSink::commit`.
pub(crate) struct Summarized {
    pub delta: Delta,
    pub highest: Option<Micros>,
    pub totals: Totals,
}

/// The writer of one partition.
pub(crate) struct AnalyticsWriter {
    summarizer: Summarizer,
    totals: Totals,
    /// Memory of all writers, and what of it is ours.
    all: Arc<AtomicUsize>,
    ours: usize,
}

impl AnalyticsWriter {
    pub(crate) fn new(summarizer: Summarizer, all: Arc<AtomicUsize>) -> Self {
        Self { summarizer, totals: Totals::default(), all, ours: 0 }
    }

    fn count(&mut self, frame: &Frame) -> Vec<Rejected> {
        let header = &frame.header;
        self.totals.read += u64::from(header.count);
        self.totals.rejected += header.rejected.len() as u64;
        let accepted = u64::from(header.accepted());
        let Some(format) = Format::from_code(header.encoding.0) else {
            self.totals.dead_lettered += accepted;
            let reason = format!("encoding {} is no web-log batch", header.encoding.0);
            return vec![Rejected { offset: frame.offset, index: None, reason, payload: None }];
        };
        let batch = Batch {
            customer: &header.customer,
            format,
            body: &frame.payload,
            rejected: &header.rejected,
            received_at: header.received_at,
        };
        let mut letters = Vec::new();
        let counted = self.summarizer.add(&batch, |Undecoded { error, alone }| {
            let (reason, payload) = (error.reason.into_owned(), alone.map(Into::into));
            letters.push(Rejected { offset: frame.offset, index: error.index, reason, payload });
        });
        self.totals.delivered += counted;
        self.totals.dead_lettered += accepted.saturating_sub(counted);
        letters
    }

    /// Tells the others how much memory is ours; answers the sum.
    fn account(&mut self, bytes: usize) -> usize {
        let before = std::mem::replace(&mut self.ours, bytes);
        let all = self.all.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        all.wrapping_add(bytes.wrapping_sub(before))
    }
}

impl Drop for AnalyticsWriter {
    fn drop(&mut self) {
        self.account(0);
    }
}

impl Writer for AnalyticsWriter {
    fn write(&mut self, delivery: &Delivery) -> Written {
        let rejected = match delivery {
            Delivery::Frame(frame) => self.count(frame),
            Delivery::Damaged { records, .. } => {
                self.totals.read += records;
                self.totals.damaged += records;
                Vec::new()
            }
        };
        let ours = self.summarizer.bytes();
        let all = self.account(ours);
        let full = self.summarizer.is_full() || (all >= BUDGET && ours >= LITTLE);
        Written { rejected, full }
    }

    fn skip(&mut self, frame: &Frame) {
        self.totals.read += u64::from(frame.header.count);
        self.totals.rejected += frame.header.rejected.len() as u64;
        self.totals.dead_lettered += u64::from(frame.header.accepted());
    }

    fn stage(&mut self) -> Content {
        let delta = self.summarizer.take();
        self.account(0);
        let totals = std::mem::take(&mut self.totals);
        Box::new(Arc::new(Summarized { delta, highest: self.summarizer.highest(), totals }))
    }
}
