//! Kept seeds, fresh seeds, and the same seed twice.

use std::time::{Duration, Instant};

use logmill_sim::{Report, run};

/// Seeds that found something once; README.md says what.
const KEPT: [u64; 18] = [
    12_050_752_602_355_172_736,
    16_108_602_076_100_118_112,
    8_765_948_515_527_347_412,
    99_774_969,
    65_437_122,
    65_014_890,
    2_149_711,
    13_449_607,
    69_055_516,
    68_231_388,
    60_761_506,
    96_661_469,
    5_016_208_773_121_686_994,
    10_522_474_027_634_929_852,
    18_093_376_188_169_933_531,
    14_313_727_140_687_137_726,
    8_074_571_924_051_229_504,
    // Dead letters, which nobody reads, went with the consumed segments of a full disk.
    2_350_966_716_722_208_055,
];
/// What seeds may take when nobody says how many there are. They are the same ones each time, as many as there is
/// time for: whether a change may land must not be a matter of luck. Who says how many gets fresh ones.
const BUDGET: Duration = Duration::from_secs(55);

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn again(seed: u64) -> String {
    format!("again: LOGMILL_SIM_SEED={seed} cargo test -p logmill-sim fresh -- --nocapture")
}

fn try_seed(seed: u64) -> Report {
    run(seed, &mut |_| {}).unwrap_or_else(|violation| panic!("seed {seed}: {violation}\n{}", again(seed)))
}

fn try_verbosely(seed: u64) {
    // A subscriber that is there already will do.
    let _ = tracing_subscriber::fmt().with_test_writer().without_time().try_init();
    let report = run(seed, &mut |line| println!("{line}"));
    println!("{report:?}");
    report.unwrap();
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
        return try_verbosely(seed);
    }
    let (begun, wanted) = (Instant::now(), env("LOGMILL_SIM_RUNS"));
    let more = |runs: u64| wanted.map_or(begun.elapsed() < BUDGET, |wanted| runs < wanted);
    let mut seeds = if wanted.is_some() { fastrand::Rng::new() } else { fastrand::Rng::with_seed(1) };
    let (mut runs, mut operations, mut stored, mut failures) = (0, 0, 0, Vec::new());
    while more(runs) {
        let seed = seeds.u64(..);
        runs += 1;
        match run(seed, &mut |_| {}) {
            Ok(report) => (operations, stored) = (operations + report.operations, stored + report.stored),
            Err(violation) => {
                println!("seed {seed}: {violation}\n{}", again(seed));
                failures.push(seed);
            }
        }
    }
    println!("{runs} seeds, {operations} changes of the disk, {stored} batches stored");
    assert!(failures.is_empty(), "{} of {runs} seeds failed: {failures:?}", failures.len());
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 100..105 {
        assert_eq!(try_seed(seed), try_seed(seed), "seed {seed}");
    }
}
