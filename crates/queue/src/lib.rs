//! The contract of the durable log, and the embedded segment log. See README.md and FORMAT.md.

mod codec;
pub mod contract;
pub mod embedded;
pub mod header;
pub mod keys;
pub mod letter;

pub use contract::*;
