//! What the tests of the servers share.

use std::time::{Duration, Instant};

/// Whether the process is there and not only waiting to be waited for.
pub(crate) fn is_running(pid: u32) -> bool {
    // A process that nobody has waited for has no command line left.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Asks until it is so, for a minute at most.
pub(crate) fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ask() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}
