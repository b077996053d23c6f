//! Why there is no answer, named by what the caller must do.

/// A limit that ended a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `query.max_rows`.
    Rows,
    /// `query.timeout`.
    Time,
    /// `query.memory`.
    Memory,
}

impl Limit {
    /// The setting.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::Rows => "query.max_rows",
            Self::Time => "query.timeout",
            Self::Memory => "query.memory",
        }
    }
}

/// Why a question has no answer, or only a part of one. The texts are for who asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, or cannot be computed over these rows: change it.
    #[error("{0}")]
    Statement(String),
    /// It is not a query: nothing is changed here.
    #[error("{0}")]
    NotAQuery(String),
    /// It reached a limit: ask for less, or raise it.
    #[error("{text}")]
    Limit {
        /// Which one.
        limit: Limit,
        /// With its value and what to do.
        text: String,
    },
    /// Too many questions at once: repeat later.
    #[error("{0}")]
    Busy(String),
    /// Catalog, store or files cannot be read now: repeat later, or look at them.
    #[error("{0}")]
    Unavailable(String),
    /// A mistake of ours.
    #[error("{0}")]
    Failed(String),
}
