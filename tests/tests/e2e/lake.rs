//! OpenTelemetry logs from the senders that people use to the readers that people use.

mod agree;
mod crash;
mod disturbed;
mod owners;
pub(crate) mod rest;
mod steps;
mod topic;
mod upkeep;

use std::path::Path;

use logmill_e2e::Setup;

/// A server whose rows are committed soon.
fn setup(dir: &Path) -> Setup {
    Setup::new(dir).set("lake.flush.interval=300ms")
}
