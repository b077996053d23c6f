//! Seeded fault runs. See crates/sim/README.md.
#![allow(clippy::disallowed_methods)]

mod seeds;
