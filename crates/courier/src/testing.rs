//! Rows as ClickHouse would send them, made for tests.

use crate::field::{FIELDS, Kind};
use crate::rows::{Malformed, Row, Rows, write_string};

/// A value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(Vec<u8>),
    Number(u64),
    Time(i64),
    Float(f32),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

/// The cells of a record; none for NULL.
pub(crate) type Cells = [Option<Cell>; FIELDS.len()];

/// The bytes of a row.
pub(crate) fn encoded(hash: u64, target: (&str, &str), cells: &Cells) -> Vec<u8> {
    let mut out = hash.to_le_bytes().to_vec();
    write_string(target.0.as_bytes(), &mut out);
    write_string(target.1.as_bytes(), &mut out);
    for (cell, field) in cells.iter().zip(&FIELDS) {
        out.push(u8::from(cell.is_none()));
        match (cell, field.kind) {
            (None, _) => (),
            (Some(Cell::Text(bytes)), Kind::Plain | Kind::Quoted) => write_string(bytes, &mut out),
            (Some(Cell::Number(number)), Kind::Number | Kind::NumberNot0) => out.extend(number.to_le_bytes()),
            (Some(Cell::Time(millis)), Kind::Time) => out.extend(millis.to_le_bytes()),
            (Some(Cell::Float(number)), Kind::Float) => out.extend(number.to_le_bytes()),
            (Some(cell), kind) => panic!("{cell:?} is no {kind:?}"),
        }
    }
    out
}

/// Hands the rows over that come in these pieces.
pub(crate) fn read<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    mut take: impl FnMut(&Row<'_>),
) -> Result<(), Malformed> {
    let mut rows = Rows::default();
    for piece in pieces {
        rows.push(piece, &mut take)?;
    }
    rows.end()
}
