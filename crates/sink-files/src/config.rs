//! Settings of the sink, validated by who builds them.

use std::path::PathBuf;

use logmill_queue::{Group, Topic};

/// Where the files are and what they are made from.
#[derive(Clone, Debug)]
pub struct FilesConfig {
    /// The folder that holds `logs/`.
    pub dir: PathBuf,
    /// The topic with the batches.
    pub topic: Topic,
    /// The consumer group that reads it.
    pub group: Group,
    /// The customer whose files lie directly below `logs/`.
    pub default_customer: String,
}

impl FilesConfig {
    /// The journal, and what else belongs to the folder.
    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.dir.join("logs").join(".logmill")
    }
}
