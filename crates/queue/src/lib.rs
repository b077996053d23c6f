//! The contract of the durable log, and the embedded segment log. See README.md and FORMAT.md.

mod codec;
pub mod contract;
pub mod embedded;
pub mod header;

pub use contract::*;
