//! When a process is killed.

use std::time::Duration;

use fastrand::Rng;

/// One run: what happens before the load, and how the load ends.
#[derive(Debug)]
pub(super) struct Plan {
    /// Processes that are killed so long after they were started, one after the other.
    pub at_start: Vec<Duration>,
    /// A process that is killed so long after it said that it listens: it is rolling forward.
    pub at_recovery: Option<Duration>,
    /// The load lasts so long.
    pub load: Duration,
    /// The load ends with SIGTERM.
    pub is_gentle: bool,
    /// The process is killed when nothing is queued any more, so that a slow build never falls behind for good.
    pub is_drained: bool,
    /// Settings of this run.
    pub settings: Vec<String>,
}

impl Plan {
    pub(super) fn new(seed: u64, run: u32) -> Self {
        let mut rng =
            Rng::with_seed(seed.rotate_left(31) ^ u64::from(run).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut moment = |limit: u64| Duration::from_micros(rng.u64(..limit));
        let (short, early, middle) = (moment(4_000), moment(25_000), moment(120_000));
        let recovery = moment(60_000);
        let (at_start, at_recovery) = match rng.u32(..10) {
            0 => (vec![short], None),
            1 => (vec![early, middle], None),
            2 => (vec![middle], None),
            3 => (Vec::new(), Some(recovery)),
            4 => (vec![early], Some(recovery)),
            _ => (Vec::new(), None),
        };
        let load = Duration::from_micros(rng.u64(20_000..1_500_000));
        let is_gentle = rng.u32(..15) == 0;
        let is_drained = run % 8 == 7;
        let segment = ["1MiB", "1MiB", "4MiB"][rng.usize(..3)];
        let flush = ["200ms", "200ms", "20ms"][rng.usize(..3)];
        let count = ["100ms", "200ms", "400ms"][rng.usize(..3)];
        let settings = vec![
            "limits.max_batch_bytes=256KiB".to_owned(),
            "queue.retention_bytes=4MiB".to_owned(),
            "queue.reserve_bytes=0".to_owned(),
            "queue.partitions=3".to_owned(),
            format!("queue.segment_bytes={segment}"),
            format!("files.flush_interval={flush}"),
            format!("aggregation.flush_interval={count}"),
            "aggregation.interval=1s".to_owned(),
        ];
        Self { at_start, at_recovery, load, is_gentle, is_drained, settings }
    }
}
