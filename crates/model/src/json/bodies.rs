//! Bodies of JSON records: one array of them, or lines.

use memchr::memchr;

use super::cursor::Cursor;
use super::record::{Fields, Scratch};
use crate::fault::{Fault, Stop};
use crate::time::Timestamp;

type Step = Option<Result<Timestamp, Stop>>;

/// The elements of one array.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    text: &'a str,
    /// Where the last element began to be looked for.
    from: usize,
    at: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Ended,
}

impl<'a> Array<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, from: at, at, state: State::Before }
    }

    /// An array of the last element alone.
    pub(crate) fn alone(&self) -> String {
        let element = trim(self.text.get(self.from..self.at).unwrap_or_default());
        // In front of the first element stands the array's bracket, in front of each other one a comma.
        let element = element.strip_prefix(['[', ',']).unwrap_or(element);
        format!("[{}]", trim(element))
    }

    /// Reads the next element into `fields`.
    #[inline]
    pub(crate) fn advance(&mut self, fields: &mut Fields, scratch: &mut Scratch, max_nesting: u32) -> Step {
        if self.state == State::Ended {
            return None;
        }
        let mut cursor = Cursor::new(self.text, self.at);
        match self.element(&mut cursor, fields, scratch, max_nesting) {
            Ok(true) => {
                (self.from, self.at) = (self.at, cursor.at);
                self.state = State::Inside;
                Some(cursor.fault.map_or(Ok(fields.stamp.timestamp), |fault| Err(Stop::Record(fault))))
            }
            Ok(false) => {
                self.state = State::Ended;
                None
            }
            Err(fault) => {
                self.state = State::Ended;
                Some(Err(Stop::Body(fault)))
            }
        }
    }

    /// `false` at the array's end.
    #[inline]
    fn element(
        &self,
        cursor: &mut Cursor<'_>,
        fields: &mut Fields,
        scratch: &mut Scratch,
        max_nesting: u32,
    ) -> Result<bool, Fault> {
        if self.state == State::Before {
            if !begin(cursor)? {
                return Ok(false);
            }
        } else if !next(cursor)? {
            return Ok(false);
        }
        // White space between the records is none of a record's.
        cursor.spaced = false;
        scratch.begin(max_nesting);
        if cursor.peek() == Some(b'{') {
            cursor.record(fields, scratch)?;
        } else {
            cursor.note(Fault::NotObject);
            cursor.value(&mut scratch.nest)?;
        }
        Ok(true)
    }
}

/// Without JSON's white space around it; a form feed is none.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

fn begin(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    cursor.space();
    cursor.expect(b'[', "expected `[`, the begin of an array of records,")?;
    cursor.space();
    if !cursor.take(b']') {
        return Ok(true);
    }
    end(cursor).map(|()| false)
}

#[inline]
fn next(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    cursor.space();
    if cursor.take(b',') {
        cursor.space();
        return Ok(true);
    }
    cursor.expect(b']', "expected `,` or `]`")?;
    end(cursor).map(|()| false)
}

fn end(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    cursor.space();
    if cursor.peek().is_none() { Ok(()) } else { Err(cursor.syntax("something behind the array's end")) }
}

/// One object a line.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    from: usize,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, from: at, at }
    }

    /// The last line alone.
    pub(crate) fn alone(&self) -> String {
        let end = self.at.min(self.text.len());
        let line = self.text.get(self.from..end).unwrap_or_default();
        // No longer than the body that it comes from, which may have been as long as a body may be.
        let end = if line.ends_with('\n') { "\n" } else { "" };
        format!("{}{end}", trim(line))
    }

    /// Reads the next line that is not blank into `fields`.
    #[inline]
    pub(crate) fn advance(&mut self, fields: &mut Fields, scratch: &mut Scratch, max_nesting: u32) -> Step {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let end = memchr(b'\n', rest.as_bytes()).map_or(self.text.len(), |length| self.at + length);
            let mut cursor = Cursor::new(self.text.get(..end).unwrap_or_default(), self.at);
            (self.from, self.at) = (self.at, end + 1);
            cursor.space();
            if cursor.peek().is_some() {
                return Some(line(&mut cursor, fields, scratch, max_nesting));
            }
        }
    }
}

#[inline]
fn line(
    cursor: &mut Cursor<'_>,
    fields: &mut Fields,
    scratch: &mut Scratch,
    max_nesting: u32,
) -> Result<Timestamp, Stop> {
    cursor.spaced = false;
    scratch.begin(max_nesting);
    let read = if cursor.peek() == Some(b'{') {
        cursor.record(fields, scratch)
    } else {
        cursor.note(Fault::NotObject);
        cursor.value(&mut scratch.nest)
    };
    let read = read.and_then(|()| {
        cursor.space();
        if cursor.peek().is_none() { Ok(()) } else { Err(cursor.syntax("something behind the record's end")) }
    });
    match read.err().or(cursor.fault) {
        None => Ok(fields.stamp.timestamp),
        Some(fault) => Err(Stop::Record(fault)),
    }
}
