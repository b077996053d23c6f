//! Counting hours anew, while nothing else counts.

use std::ops::Range;
use std::sync::Arc;

use logmill_rollup::{Batch, Families, Summarizer};

use crate::analytics::AnalyticsError;
use crate::core::Core;
use crate::store::Recounted;

/// What was read is added to the store beyond so many bytes.
const FULL: usize = 32 << 20;

/// Hours that are being counted anew. They are nowhere to be seen before the end. All calls block on files.
pub struct Recount {
    core: Arc<Core>,
    hours: Range<u32>,
    summarizer: Summarizer,
}

impl Recount {
    pub(crate) fn begin(core: Arc<Core>, hours: Range<u32>) -> Result<Self, AnalyticsError> {
        core.with(crate::store::Store::recount_begin)?;
        let summarizer = Summarizer::new(Arc::new(Families::load()), 0, None);
        Ok(Self { core, hours, summarizer })
    }

    /// Counts a batch, as far as it is of the hours. Records that cannot be read are left out; answers how many they were.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn add(&mut self, batch: &Batch<'_>) -> Result<u64, AnalyticsError> {
        let mut unread = 0;
        self.summarizer.add(batch, |_| unread += 1);
        if self.summarizer.bytes() >= FULL || self.summarizer.is_full() {
            self.store()?;
        }
        Ok(unread)
    }

    fn store(&mut self) -> Result<(), AnalyticsError> {
        let delta = self.summarizer.take();
        Ok(self.core.with(|store| store.recount_add(&self.hours, &delta))?)
    }

    /// Replaces the hours whose counts differ, in one transaction, each with a higher revision. If one would hold fewer records and
    /// `fewer` does not allow that, nothing is replaced.
    ///
    /// # Errors
    /// The store cannot be written; nothing is replaced then.
    pub fn end(mut self, fewer: bool) -> Result<Recounted, AnalyticsError> {
        self.store()?;
        Ok(self.core.with(|store| store.recount_end(&self.hours, fewer))?)
    }
}
