//! What a seed means: how many lives there are, what goes wrong in them, and how each of them ends.

use std::time::Duration;

use logmill_world::Micros;

const HOUR: Micros = 3_600_000_000;

/// What stays the same over all lives of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Partitions of the log.
    pub partitions: u16,
    /// Tasks that append.
    pub writers: u8,
    /// Consumed bytes that the log keeps.
    pub retention_bytes: u64,
    /// The longest time from reading a record to its commit.
    pub flush_interval: Duration,
    /// One batch in so many is large, so that segments end.
    pub large_every: u32,
}

/// Something that goes wrong during a life.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No more than this many bytes fit, for so long.
    DiskFull(u64, Duration),
    /// This data sync from now answers `EIO`.
    FailSync(u64),
    /// The wall clock jumps.
    Jump(Micros),
    /// Another subscription of the same group takes over.
    TakeOver,
    /// The machine dies at this change of the disk from now.
    CrashAfter(u64),
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `kill -9`: the page cache stays, and what was not synced stays so.
    Kill,
    /// The power goes: unsynced sectors and entries survive or not, by the seed.
    PowerCut(u64),
    /// All in order, and the machine goes on.
    Drain,
    /// All in order, then the power goes.
    DrainAndPowerCut(u64),
}

/// One life of the process.
#[derive(Clone, Debug)]
pub struct LifePlan {
    /// For the world and the writers.
    pub seed: u64,
    /// How long it lasts unless it crashes.
    pub lasts: Duration,
    /// What happens when, in order of time.
    pub faults: Vec<(Duration, Fault)>,
    /// How it ends.
    pub ending: Ending,
    /// Whether batches are appended.
    pub writes: bool,
    /// Whether the sink runs.
    pub sinks: bool,
    /// Whether the sink may stop and ask for an operator.
    pub may_stop: bool,
}

impl LifePlan {
    /// A life without faults that is drained.
    #[must_use]
    pub fn orderly(seed: u64, lasts: Duration) -> Self {
        let ending = Ending::Drain;
        Self { seed, lasts, faults: Vec::new(), ending, writes: true, sinks: true, may_stop: false }
    }
}

/// All that a seed decides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What stays the same.
    pub settings: Settings,
    /// The lives before the last, orderly one.
    pub lives: Vec<LifePlan>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let settings = Settings {
            partitions: rng.u16(1..=3),
            writers: rng.u8(1..=4),
            retention_bytes: if rng.bool() { 1 << 20 } else { 1 << 30 },
            flush_interval: Duration::from_millis(rng.u64(5..400)),
            large_every: if rng.bool() { 8 } else { 1000 },
        };
        let lives = (0..rng.u8(2..=6)).map(|_| life(&mut rng)).collect();
        Self { settings, lives }
    }
}

fn life(rng: &mut fastrand::Rng) -> LifePlan {
    // Checkpoints are 5 s apart, so that some lives see one and some do not.
    let longest = if rng.u8(0..3) == 0 { 12_000 } else { 1_500 };
    let lasts = Duration::from_millis(rng.u64(1..longest));
    let mut plan = LifePlan::orderly(rng.u64(..), lasts);
    for _ in 0..rng.u8(0..=3) {
        let at = Duration::from_millis(rng.u64(0..longest));
        plan.faults.push((at, fault(rng)));
    }
    plan.ending = ending(rng);
    if rng.u8(0..3) == 0 {
        let recovering = rng.bool();
        let (at, after) =
            if recovering { (0, rng.u64(1..60)) } else { (rng.u64(0..longest), rng.u64(1..200)) };
        plan.faults.push((Duration::from_millis(at), Fault::CrashAfter(after)));
    }
    plan.faults.sort_by_key(|(at, _)| *at);
    plan
}

fn fault(rng: &mut fastrand::Rng) -> Fault {
    match rng.u8(0..8) {
        0 | 1 => Fault::DiskFull(rng.u64(0..1 << 21), Duration::from_millis(rng.u64(10..4000))),
        2..=4 => Fault::FailSync(rng.u64(0..20)),
        5 => {
            let by = if rng.bool() { HOUR } else { 48 * HOUR };
            Fault::Jump(if rng.bool() { by } else { -by })
        }
        _ => Fault::TakeOver,
    }
}

fn ending(rng: &mut fastrand::Rng) -> Ending {
    match rng.u8(0..8) {
        0..=2 => Ending::Kill,
        3..=5 => Ending::PowerCut(rng.u64(..)),
        6 => Ending::Drain,
        _ => Ending::DrainAndPowerCut(rng.u64(..)),
    }
}
