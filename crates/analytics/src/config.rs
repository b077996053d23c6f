//! Settings of the room, validated by who builds them.

use std::path::PathBuf;
use std::time::Duration;

use logmill_queue::Topic;

/// Where the counts are and what they are made from.
#[derive(Clone, Debug)]
pub struct AnalyticsConfig {
    /// The folder that holds `analytics/`.
    pub dir: PathBuf,
    /// The topic with the batches.
    pub topic: Topic,
    /// The topic of events about late records.
    pub late: Topic,
    /// The customer whose summaries lie directly below `analytics/`.
    pub default_customer: String,
    /// How often summaries are written and events are sent.
    pub interval: Duration,
    /// How far a record's time may lie behind the highest one of its partition before it is late.
    pub allowed_lateness: Duration,
    /// The most keys of a window in an answer or a summary.
    pub max_keys: usize,
}

impl AnalyticsConfig {
    /// The folder of the summaries.
    pub(crate) fn summaries(&self) -> PathBuf {
        self.dir.join("analytics")
    }

    /// The folder of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.summaries().join(".logmill")
    }
}
