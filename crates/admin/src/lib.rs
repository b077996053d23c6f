//! Health, metrics and the ledger. See README.md.

mod ledger;
mod metrics;
mod ready;
mod routes;
#[cfg(test)]
mod tests;

pub use ledger::Delivery;
pub use metrics::Tally;
pub use ready::{Part, PartState};
pub use routes::{Admin, router};
