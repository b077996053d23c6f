//! Crash runs: the real binary under load, killed at random moments, and a checker that nobody of us wrote into the
//! server.
//!
//! Everything that is random follows from the seed: the batches, how often it is killed, and after how many
//! milliseconds. What the machine does in these milliseconds does not.

mod acks;
mod batch;
mod client;
mod follower;
mod plan;
mod run;

pub use acks::Acks;
pub use client::Client;
pub use follower::Follower;
pub use run::{Options, Report, check, run};
