//! A queue whose large payloads lie in an object store. See README.md.

mod event;
mod objects;
mod queue;
mod reader;
#[cfg(test)]
mod tests;

pub use event::MAX_EVENT;
pub use objects::{Objects, RawConfig};
pub use queue::RawBatches;
