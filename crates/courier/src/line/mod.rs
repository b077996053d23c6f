//! A line of a log object.
//!
//! Source: Amazon S3 User Guide, *Amazon S3 server access log format*. How hostile bytes are written is ours, see README.md.

mod number;
mod text;
mod time;

#[cfg(test)]
mod tests;

use crate::field::{FIELDS, Kind};
use crate::rows::Row;

/// Which fields a line has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// 26 fields, up to `ACL required`.
    #[default]
    Aws26,
    /// And `source region`, as since 2025.
    Aws27,
}

impl Format {
    /// That of lines with so many fields.
    pub(crate) fn of(fields: u8) -> Option<Self> {
        [Self::Aws26, Self::Aws27].into_iter().find(|format| format.fields() == fields)
    }

    /// The fields of a line.
    pub(crate) fn fields(self) -> u8 {
        match self {
            Self::Aws26 => 26,
            Self::Aws27 => 27,
        }
    }
}

/// Appends the line of a record with the line feed at its end: always one line, always of as many fields, whatever is in the cells.
pub fn write(row: &Row<'_>, format: Format, out: &mut Vec<u8>) {
    for (cell, field) in row.cells.iter().zip(&FIELDS).take(format.fields().into()) {
        match (field.kind, *cell) {
            (Kind::Quoted, cell) => text::quoted(cell.unwrap_or_default(), out),
            (_, None) => out.push(b'-'),
            (Kind::Plain, Some(bytes)) => text::plain(bytes, out),
            (Kind::Time, Some(bytes)) => time::write(number::signed(bytes), out),
            (Kind::Number, Some(bytes)) => number::write(number::unsigned(bytes), out),
            (Kind::NumberNot0, Some(bytes)) => number::write_unless_0(number::unsigned(bytes), out),
            (Kind::Float, Some(bytes)) => number::write_float(number::float(bytes), out),
        }
        out.push(b' ');
    }
    if let Some(last) = out.last_mut() {
        *last = b'\n';
    }
}
