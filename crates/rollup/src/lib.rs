//! Counts of web logs, and how they are packed and added. See README.md.

mod agents;
mod chunk;
pub mod codec;
mod delta;
mod families;
mod key;
mod merge;
mod postings;
mod summarizer;
#[cfg(test)]
mod tests;

pub use agents::{Agents, agent_hash};
pub use chunk::{CHUNK, Kind};
pub use codec::Malformed;
pub use delta::{Came, Delta, HourAdded, HourKey};
pub use families::Families;
pub use key::OTHER;
pub use merge::{Chunks, Sum, merge, walk};
pub use postings::Posting;
pub use summarizer::{Batch, Micros, Summarizer, end_of_minute};
