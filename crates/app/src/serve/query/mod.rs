//! SQL, wired, where it is in the build.

#[cfg(not(feature = "query"))]
mod absent;
#[cfg(feature = "query")]
mod built;

#[cfg(not(feature = "query"))]
pub(super) use absent::Queries;
#[cfg(feature = "query")]
pub(crate) use built::Queries;
