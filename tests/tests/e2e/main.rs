//! The real binary, from the outside: what it answers, what is in its files, and what survives.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access_log;
mod analytics;
mod bad_input;
mod checker;
mod commands;
mod crash;
mod damage;
mod disk;
mod kafka;
mod keys;
mod lake;
mod limits;
mod metrics;
mod objects;
mod poison;
mod process;
mod query;
mod raw_batches;
mod retention;
mod samples;
mod slow;
