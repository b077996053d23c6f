//! One run: its seed, how far it is, and what it found.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rounds of a run unless the environment says more: `cargo test` must stay short.
const ROUNDS: u32 = 1;
/// What a failed run prints at most; one mistake can show in each of many thousand frames.
const SHOWN: usize = 20;

/// A run. Whatever fails names it.
pub(crate) struct Run {
    name: &'static str,
    pub seed: u64,
    pub rounds: u32,
    round: AtomicU32,
    began: Instant,
    findings: Mutex<Vec<String>>,
}

fn variable<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => otherwise,
    }
}

impl Run {
    /// A run with what the environment says of seed and rounds.
    pub(crate) fn new(name: &'static str) -> Self {
        let (seed, rounds) =
            (variable("LOGMILL_TEST_SEED", 1), variable("LOGMILL_TEST_ROUNDS", ROUNDS).max(1));
        eprintln!("{name}: LOGMILL_TEST_SEED={seed} LOGMILL_TEST_ROUNDS={rounds}");
        let (round, findings) = (AtomicU32::new(0), Mutex::default());
        Self { name, seed, rounds, round, began: Instant::now(), findings }
    }

    /// Choices of one part of the run, the same for a seed whatever the other parts draw.
    pub(crate) fn choices(&self, part: u64) -> fastrand::Rng {
        let mut rng = fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part);
        // Seeds that differ in few bits begin alike.
        rng.u64(..);
        rng.u64(..);
        rng
    }

    /// The next round begins.
    pub(crate) fn next_round(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
    }

    fn place(&self) -> String {
        let (round, seconds) = (self.round.load(Ordering::Relaxed), self.began.elapsed().as_secs());
        format!("{}, seed {}, round {round} of {}, {seconds} s", self.name, self.seed, self.rounds)
    }

    /// Tells what happens; `cargo test` shows it when the run fails.
    pub(crate) fn say(&self, what: impl AsRef<str>) {
        eprintln!("{:7.3} {}", self.began.elapsed().as_secs_f64(), what.as_ref());
    }

    /// Something is not as it must be. The run goes on: what comes later helps to understand it.
    pub(crate) fn find(&self, what: impl AsRef<str>) {
        let finding = format!("{}: {}", self.place(), what.as_ref());
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.len() < SHOWN {
            eprintln!("{finding}");
        }
        findings.push(finding);
    }

    /// A finding, unless it is so.
    pub(crate) fn expect(&self, so: bool, what: impl FnOnce() -> String) {
        if !so {
            self.find(what());
        }
    }

    /// The answer of `future`, which must come within the time.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        expected: &str,
        future: impl Future<Output = T>,
    ) -> T {
        match tokio::time::timeout(limit, future).await {
            Ok(answer) => answer,
            Err(_) => panic!("{}: expected within {limit:?}: {expected}", self.place()),
        }
    }

    /// Says what the run did, and fails if it found something.
    pub(crate) fn finish(&self, counts: &str) {
        eprintln!("{}: {counts}", self.place());
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = findings.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
        assert!(findings.is_empty(), "{} findings, the first of them:\n{shown}", findings.len());
    }
}
