//! Real servers for tests, on loopback. `tests/tools.sh` installs them; a start installs what is missing.
//!
//! A server ends when its value is dropped, and within a second of the end of the test process, however that ended.

pub mod azurite;
pub mod clickhouse;

pub mod collector;
mod held;
mod holder;
pub mod iceberg_rest;
pub mod kafka;
mod ports;
pub mod proxy;
pub mod s3;
