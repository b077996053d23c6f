//! `logmill query`: SQL over the lake and the hourly files, whether a logmill runs or not.

#[cfg(not(feature = "query"))]
mod absent;
#[cfg(feature = "query")]
mod built;

#[cfg(not(feature = "query"))]
pub(super) use absent::run;
#[cfg(feature = "query")]
pub(super) use built::run;
