//! Seeded fault runs. See crates/sim/README.md.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

mod analytics;
mod objects;
mod scenarios;
mod seeds;
mod sweep;
