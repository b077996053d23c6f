//! End-to-end tests on the real binary: a client, a server under test, and the crash runs. See README.md.
//!
//! A test harness panics where it cannot go on; that is what fails a test.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counts;
pub mod crash;
mod files;
mod http;
mod lake;
mod mount;
mod server;
mod table;
mod tools;

pub use counts::Counts;
pub use files::{Line, hourly_files, lines_below, records_of};
pub use http::{Answer, Connection, Post};
pub use lake::{Lake, Sender, Sending};
pub use mount::Mount;
pub use server::{Server, Setup};
pub use table::{CatalogFile, Commits, Table, group};
pub use tools::{binary, checker, eventually, python};
