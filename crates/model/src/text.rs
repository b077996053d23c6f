//! A text of a record, as it stands in the body.

use std::borrow::Cow;

use memchr::memchr;

use crate::json::escape;

#[cfg(test)]
mod tests;

/// A view of a string of the body: the raw text between the quotes, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    raw: &'a str,
    form: Form,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON string without escapes.
    #[default]
    Json,
    /// A JSON string with at least one escape.
    JsonEscaped,
    /// A CSV cell that means what it says.
    Csv,
    /// A quoted CSV cell with at least one doubled quote.
    CsvDoubled,
}

impl<'a> Text<'a> {
    pub(crate) fn new(raw: &'a str, form: Form) -> Self {
        Self { raw, form }
    }

    /// The text as it came, without the quotes around it: JSON escapes and doubled CSV quotes are still in it.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The text that is meant. Borrowed, unless something had to be unescaped.
    #[must_use]
    pub fn unescaped(&self) -> Cow<'a, str> {
        match self.form {
            Form::Json | Form::Csv => Cow::Borrowed(self.raw),
            Form::JsonEscaped => escape::unescape(self.raw),
            Form::CsvDoubled => Cow::Owned(self.raw.replace("\"\"", "\"")),
        }
    }

    /// Whether the raw text is what is meant.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Json | Form::Csv)
    }

    /// Appends the text as the inside of a JSON string. JSON stays as it came.
    #[inline]
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self.form {
            Form::Json | Form::JsonEscaped => out.extend_from_slice(self.raw.as_bytes()),
            Form::Csv => escape::write(self.raw.as_bytes(), out),
            Form::CsvDoubled => write_doubled(self.raw.as_bytes(), out),
        }
    }
}

/// Writes the pieces between the doubled quotes, with the first quote of each pair.
fn write_doubled(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some((piece, rest)) = memchr(b'"', raw).and_then(|at| raw.split_at_checked(at + 1)) {
        escape::write(piece, out);
        raw = rest.get(1..).unwrap_or_default();
    }
    escape::write(raw, out);
}
