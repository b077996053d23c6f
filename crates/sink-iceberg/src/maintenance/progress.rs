//! How far a job is, for who waits for it.

use std::sync::Arc;

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It lists files; how many there are is known at the end.
    Listing,
    /// It reads manifests.
    Reading,
    /// It writes small files of a day into large ones.
    Merging,
    /// It removes files.
    Removing,
}

/// Is told the step, how much of it is done, and how much there is if that is known. It must not block.
pub type Progress = Arc<dyn Fn(Step, usize, Option<usize>) + Send + Sync>;
