//! The embedded log: one physical log for a data folder. FORMAT.md describes its files.

mod config;
mod cursor;
mod files;
mod frame;
mod groups;
mod index;
mod log;
mod pair;
mod reader;
mod recover;
mod retention;
mod segment;
mod shared;
mod state;
#[cfg(test)]
mod tests;
pub mod tools;
mod trail;
mod unit;
mod walk;
mod writer;

pub use config::LogConfig;
pub use log::{EmbeddedLog, Opened};
pub use pair::{EmbeddedQueue, InUse};
