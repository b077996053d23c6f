//! The contract of the durable log, and the embedded segment log. See README.md and FORMAT.md.

pub mod contract;
pub mod embedded;

pub use contract::*;
