//! A whole run: all lives of a seed, the last of them in order, and the verdict.

use crate::Checked;
use crate::plan::Plan;
use crate::stage::{Stage, within};

/// What a run was like. Equal seeds give equal reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Changes of the disk.
    pub operations: u64,
    /// A checksum of everything on the disk at the end.
    pub image: u32,
    /// Batches that were made.
    pub batches: usize,
    /// Batches that were acknowledged.
    pub stored: usize,
    /// Lives that ended by a crash of the machine at a certain operation.
    pub crashes: usize,
}

/// Runs the plan of `seed` and checks what it left. `tell` hears of each life.
///
/// # Errors
/// The first thing that did not hold, and where.
pub fn run(seed: u64, tell: &mut dyn FnMut(&str)) -> Checked<Report> {
    let plan = Plan::of(seed);
    tell(&format!("seed {seed}: {:?}", plan.settings));
    let mut stage = Stage::new(plan.settings.clone())?;
    let mut crashes = 0;
    for (number, life) in plan.lives.iter().enumerate() {
        tell(&format!("life {number}: {life:?}"));
        let lived = stage.live(life).map_err(within(format_args!("life {number}")))?;
        crashes += usize::from(lived.crashed);
        tell(&format!("         {lived:?}, batches and stored ones {:?}", stage.oracle.counts()));
    }
    let settled = stage.settle(seed).map_err(within("the last life"))?;
    tell(&format!("settled: {:?}", settled.lived));
    settled.check(&stage.oracle, false).map_err(within("the verdict"))?;
    let (batches, stored) = stage.oracle.counts();
    let image = checksum(&stage);
    Ok(Report { operations: stage.operations(), image, batches, stored, crashes })
}

fn checksum(stage: &Stage) -> u32 {
    stage.disk.killed().iter().fold(0, |sum, (path, bytes)| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, path.to_string_lossy().as_bytes()), bytes)
    })
}
