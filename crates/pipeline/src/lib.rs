//! Runs sinks: commits, retries, dead letters, ledger, drain. See README.md.

mod backoff;
mod careful;
mod committer;
mod letters;
mod note;
mod partition;
mod pending;
mod runner;
mod status;
#[cfg(test)]
mod tests;
mod turns;

pub use letters::DeadLetters;
pub use runner::{Drain, SinkSpec, run};
pub use status::{SinkState, SinkStatus};
pub use turns::Turns;
