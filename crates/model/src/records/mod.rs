//! The walk over a body: the one reader behind validation and rendering.

mod accepted;
#[cfg(test)]
mod tests;

use crate::csv;
use crate::error::RecordError;
use crate::fault::{Fault, Span, Stop};
use crate::json;
use crate::limits::{Format, MAX_NESTING};
use crate::text::Text;
use crate::time::Timestamp;

pub use accepted::{Accepted, Undecoded};

/// A UTF-8 byte-order mark.
const BOM: &str = "\u{feff}";

/// Memory of a walk, to be handed in for record after record and body after body, so that neither allocates.
/// It keeps the size that the largest record needed, which is that of its keys or cells times a small factor.
#[derive(Debug, Default)]
pub struct Scratch {
    json: json::Scratch,
    cells: Vec<csv::Cell>,
}

/// Walks the records of a body in order.
///
/// It knows no settings: they decided in [`validate`](crate::validate) when the body came, and may be others by now.
/// Records that were rejected then may be valid here, if they were too deep; the caller skips them by their index.
#[derive(Debug)]
pub struct Records<'a> {
    body: &'a [u8],
    text: &'a str,
    reader: Reader<'a>,
    fields: json::Fields,
    row: csv::Row,
    index: u32,
    max_nesting: u32,
}

#[derive(Debug)]
enum Reader<'a> {
    Json(json::Array<'a>),
    Ndjson(json::Lines<'a>),
    Csv(csv::Rows<'a>),
    NotText { at: usize },
    Ended,
}

impl<'a> Records<'a> {
    /// A walk from the first record. A byte-order mark is skipped; offsets in errors count it.
    #[must_use]
    pub fn new(format: Format, body: &'a [u8]) -> Self {
        Self::with_nesting(format, body, MAX_NESTING)
    }

    pub(crate) fn with_nesting(format: Format, body: &'a [u8], max_nesting: u32) -> Self {
        let (text, reader) = match simdutf8::basic::from_utf8(body) {
            Ok(text) => (text, reader(format, text)),
            Err(_) => ("", Reader::NotText { at: invalid_at(body) }),
        };
        let max_nesting = max_nesting.min(MAX_NESTING);
        let (fields, row) = (json::Fields::default(), csv::Row::default());
        Self { body, text, reader, fields, row, index: 0, max_nesting }
    }

    /// The next record, `None` at the end. After an error of a record the walk goes on with the next one; after an
    /// error of the body, which leaves open where a next record begins, it ends.
    ///
    /// # Errors
    /// What is wrong with the record or the body, in words for the sender.
    pub fn next<'r>(&'r mut self, scratch: &'r mut Scratch) -> Option<Result<Record<'r>, RecordError>> {
        match self.advance(scratch)? {
            Ok(timestamp) => Some(Ok(self.record(timestamp, scratch))),
            Err(stop) => Some(Err(self.error(stop))),
        }
    }

    /// Reads one record and keeps what [`Records::record`] needs.
    #[inline]
    pub(crate) fn advance(&mut self, scratch: &mut Scratch) -> Option<Result<Timestamp, Stop>> {
        let Self { fields, row, max_nesting, .. } = self;
        let step = match &mut self.reader {
            Reader::Json(array) => array.advance(fields, &mut scratch.json, *max_nesting),
            Reader::Ndjson(lines) => lines.advance(fields, &mut scratch.json, *max_nesting),
            Reader::Csv(rows) => rows.advance(row, &mut scratch.cells),
            Reader::NotText { at } => {
                let fault = Fault::Utf8 { at: *at };
                self.reader = Reader::Ended;
                return Some(Err(Stop::Body(fault)));
            }
            Reader::Ended => None,
        };
        let is_record = !matches!(step, None | Some(Err(Stop::Body(_))));
        self.index = self.index.saturating_add(u32::from(is_record));
        step
    }

    /// A body of the same format that holds just the record that was read last, valid or not: for dead letters.
    #[must_use]
    pub fn alone(&self) -> String {
        match &self.reader {
            Reader::Json(array) => array.alone(),
            Reader::Ndjson(lines) => lines.alone(),
            Reader::Csv(rows) => rows.alone(),
            Reader::NotText { .. } | Reader::Ended => String::new(),
        }
    }

    /// How many records were read; rejected ones count.
    pub(crate) fn count(&self) -> u32 {
        self.index
    }

    /// The words for what stopped the last [`Records::advance`].
    pub(crate) fn error(&self, stop: Stop) -> RecordError {
        match stop {
            Stop::Record(fault) => fault.error(self.index.checked_sub(1), self.body),
            Stop::Body(fault) => fault.error(None, self.body),
        }
    }

    fn record<'r>(&'r self, timestamp: Timestamp, scratch: &'r Scratch) -> Record<'r> {
        let view = match &self.reader {
            Reader::Csv(rows) => View::Csv { header: rows.header(), row: &self.row, cells: &scratch.cells },
            _ => View::Json { fields: &self.fields, extras: scratch.json.extras() },
        };
        Record { index: self.index.saturating_sub(1), timestamp, body: self.text, view }
    }
}

fn reader(format: Format, text: &str) -> Reader<'_> {
    let at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    match format {
        Format::Json => Reader::Json(json::Array::new(text, at)),
        Format::Ndjson => Reader::Ndjson(json::Lines::new(text, at)),
        Format::Csv => Reader::Csv(csv::Rows::new(text, at)),
    }
}

/// The fast check does not say where it failed.
#[cold]
fn invalid_at(body: &[u8]) -> usize {
    std::str::from_utf8(body).err().map_or(0, |error| error.valid_up_to())
}

/// A valid record, as a view of the body.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    index: u32,
    timestamp: Timestamp,
    body: &'r str,
    view: View<'r>,
}

#[derive(Clone, Copy, Debug)]
enum View<'r> {
    Json { fields: &'r json::Fields, extras: &'r [Span] },
    Csv { header: &'r csv::Header, row: &'r csv::Row, cells: &'r [csv::Cell] },
}

impl<'r> Record<'r> {
    /// Its place among the records of the body, from 0; rejected records and no CSV header count.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The moment in UTC.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The HTTP method, a token of RFC 9110 of at most [`MAX_METHOD`](crate::MAX_METHOD) bytes.
    #[must_use]
    pub fn method(&self) -> Option<Text<'r>> {
        match self.view {
            View::Json { fields, .. } => fields.method(self.body),
            View::Csv { header, cells, .. } => header.method(cells, self.body),
        }
    }

    /// The path, 1 to [`MAX_PATH`](crate::MAX_PATH) bytes when unescaped.
    #[must_use]
    pub fn path(&self) -> Text<'r> {
        match self.view {
            View::Json { fields, .. } => fields.path(self.body),
            View::Csv { header, cells, .. } => header.path(cells, self.body),
        }
    }

    /// The user agent, possibly empty.
    #[must_use]
    pub fn user_agent(&self) -> Text<'r> {
        match self.view {
            View::Json { fields, .. } => fields.user_agent(self.body),
            View::Csv { header, cells, .. } => header.user_agent(cells, self.body),
        }
    }

    /// Appends the record as one line of NDJSON with its `\n`: `timestamp` in UTC, `method` if given, `path`,
    /// `userAgent`, then the further fields in the order they came. JSON strings and numbers keep their text.
    #[inline]
    pub fn write_line(&self, out: &mut Vec<u8>) {
        match self.view {
            View::Json { fields, extras } => fields.write_line(self.body, extras, out),
            View::Csv { header, row, cells } => row.write_line(header, cells, self.body, out),
        }
    }
}
