//! Settings of the embedded log, validated by who builds them.

use std::path::PathBuf;
use std::time::Duration;

use crate::contract::{Group, Topic};

/// How one embedded log behaves.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Its folder, its own alone.
    pub dir: PathBuf,
    /// Partitions that new frames are spread over, at least 1.
    pub partitions: u16,
    /// The size of a segment in bytes, at least 1 MiB and at most 4 GiB less one.
    pub segment_bytes: u32,
    /// The largest payload of a frame in bytes; at most a quarter of a segment.
    pub max_payload: u32,
    /// Consumed segments beyond this many bytes are removed, oldest first.
    pub retention_bytes: u64,
    /// Consumed segments older than this are removed.
    pub retention_age: Duration,
    /// Below this much free space consumed segments go first, then appends are refused.
    pub reserve_bytes: u64,
    /// Who reads what. Nothing that one of them has not read goes, also before it subscribed or committed.
    pub readers: Vec<(Group, Topic)>,
    /// How long a key is remembered.
    pub horizon: Duration,
}
