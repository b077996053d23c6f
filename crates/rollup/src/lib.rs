//! Counts of web logs, and how they are packed and added. See README.md.

mod agents;
mod families;

pub use agents::{Agents, AgentsError, agent_hash};
pub use families::{Families, FamilyCache, FamilyId};
