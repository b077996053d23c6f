//! Web logs as hourly NDJSON files in a folder, each record once. See README.md.

mod codec;
mod config;
mod folder;
mod journal;
mod owner;
mod recover;
mod render;
mod sink;
#[cfg(test)]
mod tests;

pub use config::FilesConfig;
pub use sink::FilesSink;
