//! What one request may ask for.

/// Deepest nesting of a value, whatever the settings say: walking and printing it take stack for each level.
pub const MAX_NESTING: u32 = 128;

/// What one request may ask for at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and key-value lists inside of each other; also unknown groups. A body that is a list of plain values has
    /// depth 1. Setting `limits.max_nesting`. Beyond [`MAX_NESTING`] it means that.
    pub max_nesting: u32,
    /// Bytes of the records when each of them repeats its resource and scope, as the rows of a table do. It keeps a
    /// small request with a large resource and many tiny records from taking all memory.
    pub max_expanded: u64,
}

impl Limits {
    /// The limits of who reads what a door took: settings may be others by now, so only what memory and stack need.
    pub const READING: Self = Self { max_nesting: MAX_NESTING, max_expanded: 1 << 30 };

    pub(crate) fn nesting(&self) -> u32 {
        self.max_nesting.min(MAX_NESTING)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_nesting: 32, max_expanded: 256 << 20 }
    }
}
