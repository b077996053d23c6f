//! The formats of a body and the limits of one batch.

/// Longest `path`, in bytes after unescaping.
pub const MAX_PATH: usize = 8192;

/// Longest `method`, in bytes.
pub const MAX_METHOD: usize = 64;

/// Most columns of a CSV header row.
///
/// Every line repeats the column names, so that without [`MAX_COLUMN_NAME`] a body of 2 MiB with one long name
/// would render to many gigabytes; with it to at most about 70 times its size.
pub const MAX_COLUMNS: usize = 1024;

/// Longest name of a CSV column, in bytes after unescaping; see [`MAX_COLUMNS`].
pub const MAX_COLUMN_NAME: usize = 64;

/// Deepest nesting of a JSON record, whatever the settings say: what is open is kept in memory.
pub const MAX_NESTING: u32 = 1024;

/// How the records of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON array of objects (RFC 8259), `application/json`.
    Json,
    /// One JSON object a line, `application/x-ndjson`. Blank lines are skipped.
    Ndjson,
    /// A header row and one record a row (RFC 4180), `text/csv`.
    Csv,
}

impl Format {
    /// The number that stands for it in a frame's header (FORMAT.md of the queue); it never gets another meaning.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::Ndjson => 2,
            Self::Csv => 3,
        }
    }

    /// The format that a number stands for, if it is that of a web-log batch.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Json),
            2 => Some(Self::Ndjson),
            3 => Some(Self::Csv),
            _ => None,
        }
    }
}

/// What one batch may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records of a body, rejected ones included. Setting `limits.max_batch_records`.
    pub max_records: u32,
    /// Nesting of a JSON record: the record's own object is depth 1. Beyond [`MAX_NESTING`] it means that.
    pub max_nesting: u32,
    /// Distinct UTC hours among the accepted records. Setting `limits.max_hours_per_batch`.
    pub max_hours: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_records: 100_000, max_nesting: 64, max_hours: 1000 }
    }
}
