//! A place in a CSV text, and how to go over cells and rows.

use memchr::memchr;

use crate::fault::{Fault, Span};
use crate::scan;
use crate::text::{Form, Text};

/// A cell without the quotes around it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cell {
    pub(super) span: Span,
    /// It holds doubled quotes.
    doubled: bool,
}

impl Cell {
    #[inline]
    pub(super) fn text(self, body: &str) -> Text<'_> {
        Text::new(self.span.of(body), if self.doubled { Form::CsvDoubled } else { Form::Csv })
    }
}

/// As in JSON: what makes the end of a row uncertain is returned, and what spoils only a row is noted.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    /// A NUL stands somewhere in the body, so that quoted cells are searched for it.
    has_nul: bool,
    pub(super) fault: Option<Fault>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, at: usize, has_nul: bool) -> Self {
        Self { text: text.as_bytes(), at, has_nul, fault: None }
    }

    /// Goes to the next row that is not blank; `false` at the end.
    #[inline]
    pub(super) fn find_row(&mut self) -> bool {
        while let Some(length) = self.line_end() {
            self.at += length;
        }
        self.at < self.text.len()
    }

    /// Reads one row with its line end and keeps at most `keep` cells. Returns how many it has.
    #[inline]
    pub(super) fn row(&mut self, cells: &mut Vec<Cell>, keep: usize) -> Result<usize, Fault> {
        cells.clear();
        let mut count = 0;
        loop {
            let cell = self.cell()?;
            count += 1;
            if count <= keep {
                cells.push(cell);
            }
            if self.peek() == Some(b',') {
                self.at += 1;
            } else if let Some(length) = self.line_end() {
                self.at += length;
                return Ok(count);
            } else if self.at >= self.text.len() {
                return Ok(count);
            } else {
                return Err(self.syntax("text behind a closing quote"));
            }
        }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The length of the line end that stands here: LF, CRLF, or a CRLF that the body's end cuts.
    #[inline]
    fn line_end(&self) -> Option<usize> {
        match self.rest() {
            [b'\n', ..] | [b'\r'] => Some(1),
            [b'\r', b'\n', ..] => Some(2),
            _ => None,
        }
    }

    #[cold]
    fn syntax(&self, what: &'static str) -> Fault {
        Fault::Syntax { what, at: self.at }
    }

    #[cold]
    fn note(&mut self, what: &'static str) {
        let fault = self.syntax(what);
        self.fault.get_or_insert(fault);
    }

    #[inline]
    fn cell(&mut self) -> Result<Cell, Fault> {
        if self.peek() == Some(b'"') { self.quoted() } else { Ok(self.plain()) }
    }

    #[inline]
    fn plain(&mut self) -> Cell {
        let start = self.at;
        loop {
            self.at += scan::find_stop::<b','>(self.rest());
            match self.peek() {
                None | Some(b',' | b'\n') => break,
                Some(b'\r') if self.line_end().is_some() => break,
                Some(b'\r') => self.note("a carriage return outside quotes"),
                Some(b'"') => self.note("a quote inside a cell that is not quoted"),
                Some(0) => self.note("a NUL byte"),
                Some(_) => (),
            }
            self.at += 1;
        }
        Cell { span: Span { start, end: self.at }, doubled: false }
    }

    #[inline]
    fn quoted(&mut self) -> Result<Cell, Fault> {
        let open = self.at;
        let mut doubled = false;
        self.at += 1;
        let start = self.at;
        loop {
            let Some(length) = memchr(b'"', self.rest()) else {
                return Err(Fault::Syntax {
                    what: "a quoted cell without its closing quote begins",
                    at: open,
                });
            };
            self.at += length + 1;
            if self.peek() != Some(b'"') {
                break;
            }
            doubled = true;
            self.at += 1;
        }
        let span = Span { start, end: self.at - 1 };
        if self.has_nul {
            self.find_nul(span);
        }
        Ok(Cell { span, doubled })
    }

    #[cold]
    fn find_nul(&mut self, span: Span) {
        let inside = self.text.get(span.start..span.end).unwrap_or_default();
        if let Some(place) = memchr(0, inside) {
            self.fault.get_or_insert(Fault::Syntax { what: "a NUL byte", at: span.start + place });
        }
    }
}
