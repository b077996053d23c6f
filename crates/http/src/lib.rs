//! What the HTTP rooms share: the listener, bodies within a budget, identities of batches, problem details. See README.md.

mod body;
mod budget;
mod headers;
mod identity;
mod inflate;
mod intake;
mod listener;
mod problem;
mod stream;
#[cfg(test)]
mod tests;

pub use budget::Reservation;
pub use headers::{Unfit, coding, key, single};
pub use identity::{BatchId, hash_of};
pub use inflate::Coding;
pub use intake::{Intake, IntakeConfig, Refusal};
pub use listener::{Listener, Protocol, Timeouts};
pub use problem::{Problem, respond};
