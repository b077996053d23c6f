//! What can be wrong, small enough to be passed around on the fast path. The sentence for the sender is made later.

use std::borrow::Cow;

use crate::error::RecordError;
use crate::json::escape;
use crate::limits::{MAX_COLUMN_NAME, MAX_COLUMNS, MAX_METHOD, MAX_PATH};
use crate::time::TimeError;

/// A range of byte offsets in the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// The text there. Spans are cut at ASCII characters, so the default is never reached.
    #[inline]
    pub(crate) fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// How far a fault reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// One record is invalid, and the walk goes on behind it.
    Record(Fault),
    /// It cannot be told where the next record begins.
    Body(Fault),
}

/// A field with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Timestamp,
    Method,
    Path,
    UserAgent,
}

impl Field {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Method => "method",
            Self::Path => "path",
            Self::UserAgent => "userAgent",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Not UTF-8 from this byte on.
    Utf8 {
        at: usize,
    },
    /// Against the grammar of the format.
    Syntax {
        what: &'static str,
        at: usize,
    },
    /// A valid JSON value that is no object.
    NotObject,
    Nesting {
        max: u32,
    },
    DuplicateKey {
        key: Span,
    },
    LoneSurrogate {
        at: usize,
    },
    /// `timestamp` and its alias in one record or header row.
    TwoTimes,
    Missing(Field),
    NotString(Field),
    Time(TimeError),
    EmptyPath,
    LongPath,
    Method,
    Ragged {
        cells: usize,
        columns: usize,
    },
    NoHeader,
    NoColumn(Field),
    UnnamedColumn {
        number: usize,
    },
    DuplicateColumn {
        name: Span,
    },
    LongColumn {
        number: usize,
    },
    ManyColumns,
}

impl Fault {
    pub(crate) fn error(self, index: Option<u32>, body: &[u8]) -> RecordError {
        RecordError { index, field: self.field(), reason: self.reason(body) }
    }

    fn field(self) -> Option<&'static str> {
        match self {
            Self::Missing(field) | Self::NotString(field) | Self::NoColumn(field) => Some(field.name()),
            Self::Time(_) | Self::TwoTimes => Some(Field::Timestamp.name()),
            Self::EmptyPath | Self::LongPath => Some(Field::Path.name()),
            Self::Method => Some(Field::Method.name()),
            _ => None,
        }
    }

    fn reason(self, body: &[u8]) -> Cow<'static, str> {
        match self {
            Self::Utf8 { at } => format!("the body is not UTF-8 at byte {at}").into(),
            Self::Syntax { what, at } => format!("{what} at byte {at}").into(),
            Self::NotObject => "a record must be a JSON object".into(),
            Self::Nesting { max } => format!("the record is nested deeper than {max} levels").into(),
            Self::DuplicateKey { key } => {
                format!("the key `{}` stands twice in one object", quote(key, body)).into()
            }
            Self::LoneSurrogate { at } => {
                let escape = Span { start: at, end: at + 6 };
                format!("the lone surrogate `{}` at byte {at} is half a character", cut(escape, body)).into()
            }
            Self::TwoTimes => "`timestamp` and its alias `receivedAt` must not both be given".into(),
            Self::Missing(field) => format!("`{}` is missing", field.name()).into(),
            Self::NotString(field) => format!("`{}` must be a string", field.name()).into(),
            Self::Time(error) => format!("`timestamp` {error}").into(),
            Self::EmptyPath => "`path` is empty".into(),
            Self::LongPath => format!("`path` is longer than {MAX_PATH} bytes").into(),
            Self::Method => {
                format!("`method` must be an HTTP method (a token of at most {MAX_METHOD} bytes)").into()
            }
            Self::Ragged { cells, columns } => format!(
                "the header row names {columns} columns, but the row has another number of cells: {cells}"
            )
            .into(),
            Self::NoHeader => {
                "the header row is missing: it must name the columns timestamp, path and userAgent".into()
            }
            Self::NoColumn(field) => format!("the header row must name the column `{}`", field.name()).into(),
            Self::UnnamedColumn { number } => format!("column {number} of the header row has no name").into(),
            Self::DuplicateColumn { name } => {
                format!("the header row names the column `{}` twice", quote(name, body)).into()
            }
            Self::LongColumn { number } => {
                format!("the name of column {number} is longer than {MAX_COLUMN_NAME} bytes").into()
            }
            Self::ManyColumns => format!("the header row names more than {MAX_COLUMNS} columns").into(),
        }
    }
}

/// Longest piece of a sender's text that an error repeats, in characters before escaping.
const QUOTED: usize = 32;

/// A key of the body, short and printable: everything but printable ASCII is escaped, so that it can stand in a log or
/// on a terminal.
fn quote(span: Span, body: &[u8]) -> String {
    let key = escape::unescape(cut(span, body));
    let mut quoted: String = key.chars().take(QUOTED).flat_map(char::escape_default).collect();
    if key.chars().nth(QUOTED).is_some() {
        quoted.push_str("...");
    }
    quoted
}

fn cut(span: Span, body: &[u8]) -> &str {
    let bytes = body.get(span.start..span.end).unwrap_or_default();
    std::str::from_utf8(bytes).unwrap_or_default()
}
