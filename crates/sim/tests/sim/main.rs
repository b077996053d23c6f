//! Seeded fault runs. See crates/sim/README.md.
#![allow(clippy::disallowed_methods)]

mod scenarios;
mod seeds;
mod sweep;
