//! The rows of a body as records.

use super::cursor::{Cell, Cursor};
use super::header::Header;
use crate::fault::{Fault, Stop};
use crate::fields;
use crate::limits::MAX_COLUMNS;
use crate::text::Text;
use crate::time::{Stamp, Timestamp};

/// What is read of a row beside its cells.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(super) stamp: Stamp,
}

/// A body of rows.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    text: &'a str,
    /// Where the body begins behind a byte-order mark, and where its header row ends.
    begin: usize,
    header_end: usize,
    /// Where the last row begins.
    from: usize,
    at: usize,
    has_nul: bool,
    /// Read with the first row.
    header: Header,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Ended,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        let has_nul = memchr::memchr(0, text.as_bytes()).is_some();
        let (begin, header_end, from) = (at, at, at);
        Self { text, begin, header_end, from, at, has_nul, header: Header::default(), state: State::Before }
    }

    /// The header row and the last row alone.
    pub(crate) fn alone(&self) -> String {
        let cut = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        format!("{}{}", cut(self.begin, self.header_end), cut(self.from, self.at))
    }

    /// The header row; without columns until a record was read.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next row that is not blank into `row` and `cells`.
    #[inline]
    pub(crate) fn advance(
        &mut self,
        row: &mut Row,
        cells: &mut Vec<Cell>,
    ) -> Option<Result<Timestamp, Stop>> {
        if self.state == State::Ended {
            return None;
        }
        let step = self.step(row, cells).transpose();
        self.state =
            if matches!(step, None | Some(Err(Stop::Body(_)))) { State::Ended } else { State::Inside };
        step
    }

    #[inline]
    fn step(&mut self, row: &mut Row, cells: &mut Vec<Cell>) -> Result<Option<Timestamp>, Stop> {
        let mut cursor = Cursor::new(self.text, self.at, self.has_nul);
        if self.state == State::Before {
            self.header = read_header(&mut cursor, cells, self.text).map_err(Stop::Body)?;
            (self.header_end, self.at) = (cursor.at, cursor.at);
        }
        if !cursor.find_row() {
            return Ok(None);
        }
        let from = cursor.at;
        let count = cursor.row(cells, self.header.columns).map_err(Stop::Body)?;
        (self.from, self.at) = (from, cursor.at);
        if let Some(fault) = cursor.fault {
            return Err(Stop::Record(fault));
        }
        row.stamp = self.header.record(count, cells, self.text).map_err(Stop::Record)?;
        Ok(Some(row.stamp.timestamp))
    }
}

fn read_header(cursor: &mut Cursor<'_>, cells: &mut Vec<Cell>, body: &str) -> Result<Header, Fault> {
    if !cursor.find_row() {
        return Err(Fault::NoHeader);
    }
    let count = cursor.row(cells, MAX_COLUMNS)?;
    match cursor.fault {
        Some(fault) => Err(fault),
        None => Header::new(cells, count, body),
    }
}

impl Header {
    #[inline]
    pub(crate) fn method<'a>(&self, cells: &[Cell], body: &'a str) -> Option<Text<'a>> {
        self.method.map(|column| text(column, cells, body)).filter(|method| !method.raw().is_empty())
    }

    #[inline]
    pub(crate) fn path<'a>(&self, cells: &[Cell], body: &'a str) -> Text<'a> {
        text(self.path, cells, body)
    }

    #[inline]
    pub(crate) fn user_agent<'a>(&self, cells: &[Cell], body: &'a str) -> Text<'a> {
        text(self.user_agent, cells, body)
    }

    #[inline]
    fn record(&self, count: usize, cells: &[Cell], body: &str) -> Result<Stamp, Fault> {
        if count != self.columns {
            return Err(Fault::Ragged { cells: count, columns: self.columns });
        }
        let stamp = fields::time(text(self.timestamp, cells, body))?;
        if let Some(method) = self.method(cells, body) {
            fields::method(method)?;
        }
        fields::path(self.path(cells, body))?;
        Ok(stamp)
    }
}

/// The text of a cell. A row that was accepted has all cells of the header, so the default is never reached.
#[inline]
pub(super) fn text<'a>(column: usize, cells: &[Cell], body: &'a str) -> Text<'a> {
    cells.get(column).copied().unwrap_or_default().text(body)
}
