//! Bytes and requests in flight (invariant 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is reserved at the moment.
#[derive(Debug)]
pub(crate) struct Budget {
    max_bytes: u64,
    max_requests: u64,
    bytes: AtomicU64,
    arriving: AtomicU64,
    requests: AtomicU64,
}

/// There is no room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

fn take(counter: &AtomicU64, amount: u64, max: u64) -> Result<(), Exhausted> {
    let add = |now: u64| now.checked_add(amount).filter(|sum| *sum <= max);
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).map(drop).map_err(|_| Exhausted)
}

fn give(counter: &AtomicU64, amount: u64) {
    counter.fetch_sub(amount, Ordering::AcqRel);
}

impl Budget {
    pub(crate) fn new(max_bytes: u64, max_requests: u64) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { max_bytes, max_requests, bytes: zero(), arriving: zero(), requests: zero() })
    }

    /// Begins a request that holds no bytes yet.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Reservation, Exhausted> {
        take(&self.requests, 1, self.max_requests)?;
        Ok(Reservation { budget: self.clone(), bytes: 0, arriving: true })
    }

    /// Bytes that are reserved.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A request's share of the budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
    arriving: bool,
}

impl Reservation {
    /// Reserves bytes for a body that is still arriving.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        take(&self.budget.arriving, more, self.budget.max_bytes / 2)?;
        if let Err(exhausted) = take(&self.budget.bytes, more, self.budget.max_bytes) {
            give(&self.budget.arriving, more);
            return Err(exhausted);
        }
        self.bytes += more;
        Ok(())
    }

    /// The body is here: it no longer counts among those that arrive.
    pub(crate) fn arrived(&mut self) {
        if std::mem::take(&mut self.arriving) {
            give(&self.budget.arriving, self.bytes);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.arrived();
        give(&self.budget.bytes, self.bytes);
        give(&self.budget.requests, 1);
    }
}
