//! Web logs as hourly NDJSON files in a folder or an object store, each record once. See README.md.

mod codec;
mod config;
mod folder;
mod hours;
mod journal;
pub mod objects;
mod owner;
mod recover;
mod render;
mod sink;
#[cfg(test)]
mod tests;

pub use config::FilesConfig;
pub use hours::{HourlyFile, hourly_files};
pub use sink::FilesSink;
