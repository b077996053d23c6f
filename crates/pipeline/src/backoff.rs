//! How long to wait before the next try.

use std::time::Duration;

use logmill_world::World;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling waits with jitter, from 100 ms to 10 s.
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// Waits between half and the whole of the next interval.
    pub(crate) async fn wait(&mut self, world: &World) {
        let half = self.next / 2;
        let jitter = world.random_below(u64::try_from(half.as_millis()).unwrap_or(u64::MAX) + 1);
        self.next = (self.next * 2).min(LONGEST);
        world.clock().sleep(half + Duration::from_millis(jitter)).await;
    }
}
