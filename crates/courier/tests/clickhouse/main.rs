//! The courier on a real ClickHouse.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cut;
mod look;
mod server;
mod support;
mod whole;
