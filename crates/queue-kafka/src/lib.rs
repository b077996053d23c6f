//! The contract of the durable log on Kafka. See README.md.

mod blocking;
mod client;
mod config;
mod error;
mod keys;
mod member;
mod message;
mod native;
mod producer;
mod queue;
mod relay;
mod scan;
mod topics;

pub use config::KafkaConfig;
pub use keys::{KeyIndex, KeyStatus};
pub use queue::KafkaQueue;
