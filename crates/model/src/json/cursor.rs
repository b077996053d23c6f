//! A place in a JSON text, and how to go over white space and strings (RFC 8259).

use super::escape;
use crate::fault::{Fault, Span};
use crate::scan;
use crate::text::{Form, Text};

/// A string between its quotes. Two plain words: a flag of its own would be copied with its padding, and the loads
/// across those stores cost more than the scan.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Str {
    start: usize,
    /// Twice the end, plus one if escapes are inside.
    end: usize,
}

impl Str {
    #[inline]
    pub(super) fn new(start: usize, end: usize, escaped: bool) -> Self {
        Self { start, end: end * 2 + usize::from(escaped) }
    }

    #[inline]
    pub(super) fn span(self) -> Span {
        Span { start: self.start, end: self.end / 2 }
    }

    #[inline]
    pub(super) fn is_escaped(self) -> bool {
        self.end % 2 == 1
    }

    #[inline]
    pub(super) fn text(self, body: &str) -> Text<'_> {
        Text::new(self.span().of(body), if self.is_escaped() { Form::JsonEscaped } else { Form::Json })
    }
}

/// Errors of syntax are returned, they end what can be read. Everything else that is wrong with a record is noted
/// (the first of it), so that the cursor comes to the record's end and the next one can be read.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// White space was skipped.
    pub(super) spaced: bool,
    pub(super) fault: Option<Fault>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, spaced: false, fault: None }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.syntax(what)) }
    }

    #[cold]
    pub(super) fn syntax(&self, what: &'static str) -> Fault {
        Fault::Syntax { what, at: self.at }
    }

    #[cold]
    pub(super) fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    #[inline]
    pub(super) fn space(&mut self) {
        if matches!(self.peek(), Some(0..=b' ')) {
            self.skip_space();
        }
    }

    #[cold]
    fn skip_space(&mut self) {
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(white).count();
        self.spaced = true;
    }

    /// From behind the opening quote to behind the closing one.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Str, Fault> {
        let start = self.at;
        self.at += scan::find_stop::<b'\\'>(self.rest());
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Str::new(start, self.at - 1, false));
        }
        self.escaped_string(start)
    }

    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<Str, Fault> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Str::new(start, self.at - 1, true));
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.syntax("a control character inside a string")),
                None => return Err(self.syntax("a string without its closing quote")),
            }
            self.at += scan::find_stop::<b'\\'>(self.rest());
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.rest().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.syntax("an unknown escape")),
        }
    }

    fn unicode_escape(&mut self) -> Result<(), Fault> {
        let rest = self.rest();
        let Some(unit) = escape::unit(rest) else {
            return Err(self.syntax("an escape `\\u` without four hexadecimal digits"));
        };
        let low = rest.get(6..).and_then(escape::unit).is_some_and(|unit| (0xdc00..=0xdfff).contains(&unit));
        match unit {
            0xd800..=0xdbff if low => self.at += 6,
            0xd800..=0xdfff => self.note(Fault::LoneSurrogate { at: self.at }),
            _ => (),
        }
        self.at += 6;
        Ok(())
    }
}
