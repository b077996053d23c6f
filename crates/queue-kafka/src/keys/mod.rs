//! Keys that are recognised whichever process a batch comes to. README.md says how.

mod folder;
mod index;
mod owner;
mod restore;
mod run;
mod verdict;
mod waiting;

use logmill_queue::{Class, QueueError, Topic};

pub use self::run::{KeyIndex, KeyStatus};
pub(crate) use self::verdict::Verdict;
pub(crate) use self::waiting::{Verdicts, Waiter};

/// Ends the name of the topic whose messages say what is known of a key.
const VERDICTS: &str = ".keys";
/// Ends the name of the topic of frames whose key is not decided yet.
const STAGED: &str = ".keyed";

/// The topics beside the one with the frames.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub staged: Topic,
    pub verdicts: Topic,
}

impl Beside {
    pub(crate) fn of(topic: &Topic) -> Result<Self, QueueError> {
        let named = |suffix| {
            Topic::new(&format!("{topic}{suffix}")).map_err(|e| {
                QueueError::caused(Class::Invalid, format!("the topic {topic} takes no keys"), e)
            })
        };
        Ok(Self { staged: named(STAGED)?, verdicts: named(VERDICTS)? })
    }
}

/// Whether what is older than the horizon is of no use in this topic.
pub(crate) fn is_forgotten(topic: &Topic) -> bool {
    topic.as_str().ends_with(VERDICTS)
}

/// Which of `partitions` decides a key. All that repeat it lie there, in one order.
pub(crate) fn partition_of(hash: &[u8; 16], partitions: u16) -> u16 {
    u16::try_from(number_of(hash) % u64::from(partitions.max(1))).unwrap_or_default()
}

/// A number that spreads as the hash does.
fn number_of(hash: &[u8; 16]) -> u64 {
    u64::from_le_bytes(*hash.first_chunk().unwrap_or(&[0; 8]))
}
