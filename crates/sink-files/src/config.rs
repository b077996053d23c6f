//! Settings of the sink, validated by who builds them.

use std::path::PathBuf;

use logmill_queue::Topic;

/// Where the files are and what they are made from.
#[derive(Clone, Debug)]
pub struct FilesConfig {
    /// The folder that holds `logs/`.
    pub dir: PathBuf,
    /// The topic with the batches.
    pub topic: Topic,
    /// The customer whose files lie directly below `logs/`.
    pub default_customer: String,
}
