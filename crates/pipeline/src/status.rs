//! How a sink stands, for readiness, metrics and the ledger.

use std::sync::{Mutex, PoisonError};

/// What a sink is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SinkState {
    /// It has not got its partitions yet.
    #[default]
    Starting,
    /// It works.
    Running,
    /// It waits for its destination or the log, and tries again by itself.
    Waiting(String),
    /// It will not go on before an operator decides.
    Stopped(String),
    /// It was drained.
    Ended,
}

/// The state of one sink, shared by its tasks and who asks.
#[derive(Debug, Default)]
pub struct SinkStatus(Mutex<SinkState>);

impl SinkStatus {
    /// The state now.
    #[must_use]
    pub fn get(&self) -> SinkState {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the state. What was stopped stays so: another partition's progress does not make it good.
    pub(crate) fn set(&self, state: SinkState) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*now, SinkState::Stopped(_)) {
            *now = state;
        }
    }
}
