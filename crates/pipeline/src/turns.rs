//! Who may decode while somebody tries a frame that is under suspicion.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Turns at decoding, shared by all sinks of a process: what a process was decoding when it died is named in notes, one for
/// each partition of each sink, and only one of those frames is to blame. Such a frame is tried while nobody else
/// decodes, so that an innocent one is cleared at its next try.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<RwLock<()>>);

/// Held while a frame is decoded.
pub(crate) enum Turn {
    /// Beside others.
    Shared(#[expect(dead_code, reason = "it is held")] OwnedRwLockReadGuard<()>),
    /// While nobody else decodes.
    Alone(#[expect(dead_code, reason = "it is held")] OwnedRwLockWriteGuard<()>),
}

impl Turns {
    pub(crate) async fn take(&self, alone: bool) -> Turn {
        let lock = self.0.clone();
        if alone { Turn::Alone(lock.write_owned().await) } else { Turn::Shared(lock.read_owned().await) }
    }
}
