//! Hours as folders of immutable objects. README.md says how a record gets into one once.

mod codec;
mod keep;
mod place;
mod sink;
#[cfg(test)]
mod tests;
mod writer;

use logmill_queue::{Group, Topic};

pub use codec::Codec;
pub use sink::ObjectSink;

/// What goes into the objects and what they are made from.
#[derive(Clone, Debug)]
pub struct ObjectsConfig {
    /// The topic with the batches.
    pub topic: Topic,
    /// The consumer group that reads it.
    pub group: Group,
    /// The customer whose hours lie directly below `logs/`.
    pub default_customer: String,
    /// Bytes of all ranges that are open in this process, beyond which one is closed.
    pub bytes: usize,
    /// How parts are compressed.
    pub codec: Codec,
}
