//! Seeded fault runs of the log, the pipeline and the hourly files. See README.md.

mod batch;
mod follower;
mod life;
mod oracle;
mod plan;
mod run;
mod stage;
mod verdict;
mod writer;

pub use batch::{Batch, Expected};
pub use follower::Follower;
pub use oracle::{Fate, Oracle, Shared};
pub use plan::{Ending, Fault, LifePlan, Plan, Settings};
pub use run::{Report, run};
pub use stage::{FILES, Lived, QUEUE, Stage};
pub use verdict::{Settled, at_most_once};

/// What did not hold, in words.
pub type Violation = String;

/// The outcome of a check.
pub type Checked<T = ()> = Result<T, Violation>;
