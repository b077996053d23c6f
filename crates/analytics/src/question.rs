//! What is asked of the counts, and what they answer.

use logmill_model::Customer;

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 60 s.
    Minute,
    /// 3,600 s.
    Hour,
    /// 86,400 s, UTC.
    Day,
}

impl Width {
    /// Seconds of a window.
    #[must_use]
    pub fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// What the records of a window are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `METHOD path`, or the path.
    Path,
    /// The family of the user agent.
    UserAgent,
}

/// A question about one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose records.
    pub customer: Customer,
    /// Seconds since 1970; the first window begins here. A multiple of the width.
    pub from: u64,
    /// Seconds since 1970; the last window ends here. A multiple of the width.
    pub to: u64,
    /// How long a window is.
    pub width: Width,
    /// What is counted.
    pub by: By,
    /// Keys of a window, the largest first.
    pub limit: usize,
}

/// How many different user agents there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distinct {
    /// Their number.
    pub count: u64,
    /// The number is an estimate, 0.8 % standard error.
    pub approximate: bool,
}

/// A window that holds at least one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Seconds since 1970 at which it begins.
    pub start: u64,
    /// All records.
    pub total: u64,
    /// The largest keys, by count and then by key.
    pub counts: Vec<(String, u64)>,
    /// Records of all other keys, and of a path that is called `__other__`.
    pub other: u64,
    /// 1 + the number of batches that brought late records.
    pub revision: u64,
    /// No partition that still has something to read expects records for it. Late ones may come all the same, and raise `revision`.
    pub is_final: bool,
    /// Different user agents; minutes have none.
    pub distinct: Option<Distinct>,
}

/// The windows of a question, ascending; empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The windows.
    pub windows: Vec<Window>,
}
