//! Names and places in a log.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest topic or group name in bytes (Kafka allows 249; the rest is left for suffixes such as `.dlq`).
const MAX_NAME: usize = 200;

/// A name that no topic or group can have.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no name: 1 to {MAX_NAME} characters of A-Z a-z 0-9 . _ - are allowed, not \".\" or \"..\"")]
pub struct NameError(String);

fn checked(name: &str) -> Result<Arc<str>, NameError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let good =
        (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != "..";
    if good { Ok(name.into()) } else { Err(NameError(name.chars().take(MAX_NAME).collect())) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the name: Kafka's alphabet, at most 200 bytes.
            ///
            /// # Errors
            /// `NameError` with the name.
            pub fn new(name: &str) -> Result<Self, NameError> {
                checked(name).map(Self)
            }

            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A named stream of frames in partitions.
    Topic
}
name! {
    /// A consumer of topics with a position of its own.
    Group
}

/// A partition of a topic, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a frame in its partition. Grows by at least one a frame; never used twice.
pub type Offset = u64;

/// Which log an offset belongs to: random at creation (embedded), cluster id and topic id (Kafka).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub [u8; 16]);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in a topic. The topic itself is known from where the position is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The log.
    pub log: LogId,
    /// The partition.
    pub partition: Partition,
    /// The frame.
    pub offset: Offset,
}
