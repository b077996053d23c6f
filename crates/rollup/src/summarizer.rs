//! From the batches of one partition, in their order, to what they add.

use std::sync::Arc;

use logmill_model::{Accepted, Format, Scratch, Undecoded};

use crate::delta::{Counted, Counts, Delta};
use crate::families::{Families, FamilyCache};
use crate::key;

/// Microseconds since 1970.
pub type Micros = i64;

const MINUTE: Micros = 60_000_000;

/// A batch as it lies in the log.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Whose records.
    pub customer: &'a str,
    /// How the body is written.
    pub format: Format,
    /// The body.
    pub body: &'a [u8],
    /// Indexes of records that were rejected, ascending.
    pub rejected: &'a [u32],
    /// When the request arrived.
    pub received_at: Micros,
}

/// Counts the batches of one partition.
pub struct Summarizer {
    counts: Counts,
    families: FamilyCache,
    allowed_lateness: Micros,
    highest: Option<Micros>,
    batches: u64,
    scratch: Scratch,
    path: Vec<u8>,
}

/// The end of a minute that began so many minutes after 1970, in microseconds.
#[must_use]
pub fn end_of_minute(minute: u32) -> Micros {
    (Micros::from(minute) + 1) * MINUTE
}

impl Summarizer {
    /// A summarizer that goes on behind batches whose highest time was `highest`.
    #[must_use]
    pub fn new(families: Arc<Families>, allowed_lateness: Micros, highest: Option<Micros>) -> Self {
        Self {
            counts: Counts::default(),
            families: FamilyCache::new(families),
            allowed_lateness,
            highest,
            batches: 0,
            scratch: Scratch::default(),
            path: Vec::new(),
        }
    }

    /// Counts a batch; answers how many records were counted. `undecoded` gets those that cannot be read, though the door let
    /// them pass.
    pub fn add(&mut self, batch: &Batch<'_>, mut undecoded: impl FnMut(Undecoded)) -> u64 {
        let customer: Arc<str> = batch.customer.into();
        let watermark = self.highest.map(|highest| highest.saturating_sub(self.allowed_lateness));
        self.batches += 1;
        let mut records = Accepted::new(batch.format, batch.body, batch.rejected);
        let (mut last, mut counted) = (None, 0);
        while let Some(record) = records.next(&mut self.scratch) {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    undecoded(error);
                    continue;
                }
            };
            let timestamp = record.timestamp();
            // The year 9999 ends in minute 4,223,371,680, which fits.
            let minute = (timestamp.seconds() / 60) as u32;
            let hour = minute / 60;
            let place = match last {
                Some((known, place)) if known == hour => place,
                _ => self.counts.place(&customer, hour),
            };
            last = Some((hour, place));
            key::path(&record, &mut self.path);
            let agent = self.families.agent(&record.user_agent().unescaped());
            let record = Counted {
                minute: (minute % 60) as u8,
                is_late: watermark.is_some_and(|watermark| end_of_minute(minute) <= watermark),
                batch: self.batches,
                path: &self.path,
                agent,
            };
            self.counts.add(place, &record);
            let time = timestamp.micros().min(batch.received_at);
            self.highest = Some(self.highest.map_or(time, |highest| highest.max(time)));
            counted += 1;
        }
        counted
    }

    /// Memory of what was counted since the last [`Summarizer::take`], in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.bytes
    }

    /// Whether senders have named so many families that [`Summarizer::take`] is due.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.families.is_full()
    }

    /// The highest of min(timestamp, `received_at`) so far.
    #[must_use]
    pub fn highest(&self) -> Option<Micros> {
        self.highest
    }

    /// Gives away what was counted since the last call.
    pub fn take(&mut self) -> Delta {
        let delta = self.counts.pack(&self.families);
        self.families.clear_if_full();
        delta
    }
}
