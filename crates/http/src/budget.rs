//! Bytes and requests in flight (invariant 4).

use std::sync::Arc;
use std::time::Duration;

use logmill_world::World;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body waits for room for so long, unread, so that its sender waits as well: who is refused sends it all again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What can still be reserved. Who asks first gets first, however much it is.
pub(crate) struct Budget {
    world: World,
    in_flight: IntGauge,
    bytes: Arc<Semaphore>,
    /// Bodies that are not complete hold at most half, so that slow senders leave room for others.
    arriving: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

fn semaphore(permits: u64) -> Arc<Semaphore> {
    let permits = usize::try_from(permits).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new(permits))
}

fn at_once(from: &Arc<Semaphore>, n: u32) -> Result<OwnedSemaphorePermit, Exhausted> {
    from.clone().try_acquire_many_owned(n).map_err(|_| Exhausted)
}

impl Budget {
    /// A budget that keeps `in_flight` at the bytes that are reserved.
    pub(crate) fn new(world: World, in_flight: IntGauge, max_bytes: u64, max_requests: u64) -> Arc<Self> {
        let (bytes, arriving) = (semaphore(max_bytes), semaphore(max_bytes / 2));
        Arc::new(Self { world, in_flight, bytes, arriving, requests: semaphore(max_requests) })
    }

    /// Begins a request that holds no bytes yet.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Reservation, Exhausted> {
        let request = at_once(&self.requests, 1)?;
        let (bytes, arriving) = (at_once(&self.bytes, 0)?, at_once(&self.arriving, 0)?);
        Ok(Reservation { budget: self.clone(), bytes, arriving, _request: request })
    }

    async fn take(
        &self,
        from: &Arc<Semaphore>,
        n: u32,
        until: Duration,
    ) -> Result<OwnedSemaphorePermit, Exhausted> {
        let clock = self.world.clock();
        tokio::select! {
            biased;
            taken = from.clone().acquire_many_owned(n) => taken.map_err(|_| Exhausted),
            () = clock.sleep(until.saturating_sub(clock.monotonic())) => Err(Exhausted),
        }
    }
}

/// A request's share of the budget; given back when it is dropped.
pub struct Reservation {
    budget: Arc<Budget>,
    bytes: OwnedSemaphorePermit,
    arriving: OwnedSemaphorePermit,
    _request: OwnedSemaphorePermit,
}

impl Reservation {
    /// Reserves bytes for a body of which nothing was read yet; waits for them for a moment.
    pub(crate) async fn wait_for(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let n = u32::try_from(bytes).map_err(|_| Exhausted)?;
        let until = self.budget.world.clock().monotonic() + PATIENCE;
        let arriving = self.budget.take(&self.budget.arriving, n, until).await?;
        let taken = self.budget.take(&self.budget.bytes, n, until).await?;
        self.keep(arriving, taken);
        Ok(())
    }

    /// Reserves more for a body that turns out to be larger, at once or not at all: who holds memory must not wait for
    /// others who do the same.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let more = u32::try_from(bytes.saturating_sub(self.held())).map_err(|_| Exhausted)?;
        if more == 0 {
            return Ok(());
        }
        let (arriving, taken) = (at_once(&self.budget.arriving, more)?, at_once(&self.budget.bytes, more)?);
        self.keep(arriving, taken);
        Ok(())
    }

    fn keep(&mut self, arriving: OwnedSemaphorePermit, taken: OwnedSemaphorePermit) {
        self.budget.in_flight.add(taken.num_permits() as i64);
        self.arriving.merge(arriving);
        self.bytes.merge(taken);
    }

    fn held(&self) -> u64 {
        self.bytes.num_permits() as u64
    }

    /// The body is here and takes so many bytes: it no longer counts among those that arrive.
    pub(crate) fn arrived(&mut self, bytes: u64) {
        drop(self.arriving.split(self.arriving.num_permits()));
        let spare = self.held().saturating_sub(bytes);
        if let Some(spare) = self.bytes.split(spare as usize) {
            self.budget.in_flight.sub(spare.num_permits() as i64);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.in_flight.sub(self.held().cast_signed());
    }
}
