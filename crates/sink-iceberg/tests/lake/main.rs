//! The sink on real catalogs, read by PyIceberg.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compaction;
mod faults;
mod orphans;
mod rest;
mod sqlite;
mod status;
mod support;
mod upkeep;
