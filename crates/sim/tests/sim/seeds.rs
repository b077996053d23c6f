//! Kept seeds, fresh seeds, and the same seed twice.

use std::time::{Duration, Instant};

use logmill_sim::{Report, run};

/// Seeds that found something once, and what it was.
const KEPT: [u64; 4] = [1, 2, 3, 4];
/// What fresh seeds may take when nobody says how many there are.
const BUDGET: Duration = Duration::from_secs(55);

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn try_seed(seed: u64) -> Report {
    run(seed, &mut |_| {}).unwrap_or_else(|violation| {
        panic!("seed {seed}: {violation}\nagain: LOGMILL_SIM_SEED={seed} cargo test -p logmill-sim fresh -- --nocapture")
    })
}

#[test]
fn kept_seeds() {
    for seed in KEPT {
        try_seed(seed);
    }
}

#[test]
fn fresh_seeds() {
    if let Some(seed) = env("LOGMILL_SIM_SEED") {
        let _ = tracing_subscriber::fmt().with_test_writer().without_time().try_init();
        let report = run(seed, &mut |line| println!("{line}"));
        println!("{report:?}");
        report.unwrap();
        return;
    }
    let (begun, wanted) = (Instant::now(), env("LOGMILL_SIM_RUNS"));
    let mut total = (0, 0, 0);
    let more = |runs: u64| wanted.map_or(begun.elapsed() < BUDGET, |wanted| runs < wanted);
    let mut failures = Vec::new();
    while more(total.0) {
        let seed = fastrand::u64(..100_000_000);
        match run(seed, &mut |_| {}) {
            Ok(report) => total = (total.0 + 1, total.1 + report.operations, total.2 + report.stored),
            Err(violation) => {
                eprintln!("seed {seed}: {violation}");
                failures.push(seed);
                total.0 += 1;
            }
        }
    }
    println!("{} fresh seeds, {} changes of the disk, {} batches stored", total.0, total.1, total.2);
    assert!(
        failures.is_empty(),
        "again: LOGMILL_SIM_SEED={} cargo test -p logmill-sim fresh -- --nocapture",
        failures[0]
    );
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 100..105 {
        assert_eq!(try_seed(seed), try_seed(seed), "seed {seed}");
    }
}
