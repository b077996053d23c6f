//! Time as the rest of the project sees it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z, without leap seconds.
pub type Micros = i64;

/// The clocks of a world.
pub trait Clock: Send + Sync {
    /// The wall clock. It may jump in either direction.
    fn wall(&self) -> Micros;

    /// Time since some fixed moment of this process; it never goes back.
    fn monotonic(&self) -> Duration;

    /// Ends after `duration` of monotonic time.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}
