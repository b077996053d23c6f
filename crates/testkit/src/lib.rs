//! Conformance suites: one for each trait that has, or will have, more than one implementation; and the real servers that
//! some implementations stand on.
//!
//! Everything here runs inside tests only, so it may panic, and it waits on tokio's clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]
#![allow(clippy::missing_panics_doc)] // A case that does not hold panics; that is all a case does.

pub mod queue;
pub mod services;
