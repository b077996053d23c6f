//! The machine dies at each of its first operations, one after the other.

use std::time::Duration;

use logmill_sim::{Ending, Fault, LifePlan, Settings, Stage};

/// The life at whose `n`-th change of the disk the machine dies.
fn dies(n: u64, ending: Ending) -> LifePlan {
    let mut plan = LifePlan::orderly(7, Duration::from_secs(6));
    plan.faults.push((Duration::ZERO, Fault::CrashAfter(n)));
    plan.ending = ending;
    plan
}

fn settings() -> Settings {
    Settings {
        partitions: 2,
        writers: 2,
        retention_bytes: 1 << 20,
        flush_interval: Duration::from_millis(300),
        large_every: 40,
    }
}

fn sweep(n: u64, before: Option<&LifePlan>) {
    for ending in [Ending::Kill, Ending::PowerCut(n)] {
        let mut stage = Stage::new(settings()).unwrap();
        if let Some(before) = before {
            stage.live(before).unwrap();
        }
        let died = stage.live(&dies(n, ending)).and_then(|_| stage.settle(n));
        let checked = died.and_then(|settled| settled.check(&stage.oracle, false));
        checked.unwrap_or_else(|violation| panic!("death at operation {n}, {ending:?}: {violation}"));
    }
}

#[test]
fn death_at_each_operation_of_a_first_life() {
    (1..=60).chain((61..500).step_by(29)).for_each(|n| sweep(n, None));
}

#[test]
fn death_at_each_operation_of_a_recovery() {
    let mut before = LifePlan::orderly(3, Duration::from_millis(700));
    before.ending = Ending::PowerCut(5);
    (1..=30).for_each(|n| sweep(n, Some(&before)));
    before.ending = Ending::Kill;
    (1..=30).for_each(|n| sweep(n, Some(&before)));
}
