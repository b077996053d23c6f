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

impl Budget {
    /// A budget that keeps `in_flight` at the bytes that are reserved.
    pub(crate) fn new(world: World, in_flight: IntGauge, max_bytes: u64, max_requests: u64) -> Arc<Self> {
        let (bytes, arriving) = (semaphore(max_bytes), semaphore(max_bytes / 2));
        Arc::new(Self { world, in_flight, bytes, arriving, requests: semaphore(max_requests) })
    }

    /// Begins a request that holds no bytes yet.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Reservation, Exhausted> {
        let request = self.requests.clone().try_acquire_owned().map_err(|_| Exhausted)?;
        let until = self.world.clock().monotonic() + PATIENCE;
        Ok(Reservation { budget: self.clone(), until, bytes: None, arriving: None, _request: request })
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
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    /// When it gives up waiting, by the monotonic clock.
    until: Duration,
    bytes: Option<OwnedSemaphorePermit>,
    arriving: Option<OwnedSemaphorePermit>,
    _request: OwnedSemaphorePermit,
}

fn join(held: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
}

impl Reservation {
    /// Reserves bytes for a body of which nothing was read yet; waits for them for a moment.
    pub(crate) async fn wait_for(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let n = u32::try_from(bytes).map_err(|_| Exhausted)?;
        let arriving = self.budget.take(&self.budget.arriving, n, self.until).await?;
        let taken = self.budget.take(&self.budget.bytes, n, self.until).await?;
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
        let take = |from: &Arc<Semaphore>| from.clone().try_acquire_many_owned(more).map_err(|_| Exhausted);
        let (arriving, taken) = (take(&self.budget.arriving)?, take(&self.budget.bytes)?);
        self.keep(arriving, taken);
        Ok(())
    }

    fn keep(&mut self, arriving: OwnedSemaphorePermit, taken: OwnedSemaphorePermit) {
        self.budget.in_flight.add(taken.num_permits() as i64);
        join(&mut self.arriving, arriving);
        join(&mut self.bytes, taken);
    }

    fn held(&self) -> u64 {
        self.bytes.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) as u64
    }

    /// The body is here and takes so many bytes: it no longer counts among those that arrive.
    pub(crate) fn arrived(&mut self, bytes: u64) {
        self.arriving = None;
        let spare = self.held().saturating_sub(bytes);
        if let Some(spare) = self.bytes.as_mut().and_then(|held| held.split(spare as usize)) {
            self.budget.in_flight.sub(spare.num_permits() as i64);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.in_flight.sub(self.held().cast_signed());
    }
}
