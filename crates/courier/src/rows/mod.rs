//! Rows as ClickHouse sends them (`FORMAT RowBinary`), cut into the cells of a line without copying them.
//!
//! Source: ClickHouse documentation, *RowBinary*: no delimiters; strings with their length as LEB128, numbers in little-endian, a
//! byte before each `Nullable` that is 1 for NULL.

#[cfg(test)]
mod tests;

use crate::field::{FIELDS, Kind};

/// Longest value of a cell; the question cuts off what is longer.
const MAX_CELL: u64 = 1 << 20;

/// A record: what decides where it goes, and the cells of its line.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What tells it from other records of its bucket.
    pub hash: u64,
    /// The bucket that the customer named.
    pub target_bucket: &'a [u8],
    /// What the keys of the customer's objects begin with.
    pub target_prefix: &'a [u8],
    /// By [`FIELDS`]; none for NULL. Numbers as they came.
    pub cells: [Option<&'a [u8]>; FIELDS.len()],
}

/// Bytes that are no rows of the columns that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rows of ClickHouse cannot be read: {0}")]
pub struct Malformed(String);

/// Keeps the part of a row at the end of a piece until the next one comes.
#[derive(Debug, Default)]
pub struct Rows {
    rest: Vec<u8>,
}

impl Rows {
    /// Hands over the rows that are complete with this piece.
    ///
    /// # Errors
    /// What is no row.
    pub fn push(&mut self, piece: &[u8], mut take: impl FnMut(&Row<'_>)) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            let left = each(piece, &mut take)?;
            self.rest.extend_from_slice(left);
            return Ok(());
        }
        self.rest.extend_from_slice(piece);
        let left = each(&self.rest, &mut take)?.len();
        self.rest.drain(..self.rest.len() - left);
        Ok(())
    }

    /// Nothing may be left when the answer ends.
    ///
    /// # Errors
    /// A row was cut off.
    pub fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Malformed(format!(
            "the answer ends in the middle of a row, after {} bytes of it",
            self.rest.len()
        )))
    }
}

/// Hands over the rows at the beginning, and answers what is left.
fn each<'a>(mut bytes: &'a [u8], take: &mut impl FnMut(&Row<'a>)) -> Result<&'a [u8], Malformed> {
    while let Some((row, left)) = row(bytes)? {
        take(&row);
        bytes = left;
    }
    Ok(bytes)
}

/// The first row and what comes after it; none if it is not complete.
fn row(bytes: &[u8]) -> Result<Option<(Row<'_>, &[u8])>, Malformed> {
    let mut cursor = Cursor(bytes);
    let row = cursor.row()?;
    Ok(row.map(|row| (row, cursor.0)))
}

/// What is left of a piece. Everything it reads is none at the end of the piece.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn row(&mut self) -> Result<Option<Row<'a>>, Malformed> {
        let Some(hash) = self.take(8).and_then(|bytes| bytes.try_into().ok()) else { return Ok(None) };
        let Some(target_bucket) = self.string()? else { return Ok(None) };
        let Some(target_prefix) = self.string()? else { return Ok(None) };
        let mut cells = [None; FIELDS.len()];
        for (cell, field) in cells.iter_mut().zip(&FIELDS) {
            match self.take(1) {
                None => return Ok(None),
                Some([0]) => {
                    *cell = match field.kind {
                        Kind::Plain | Kind::Quoted => self.string()?,
                        Kind::Time | Kind::Number | Kind::NumberNot0 => self.take(8),
                        Kind::Float => self.take(4),
                    };
                    if cell.is_none() {
                        return Ok(None);
                    }
                }
                Some([1]) => (),
                Some(other) => {
                    return Err(Malformed(format!("{other:?} before `{}` instead of 0 or 1", field.name)));
                }
            }
        }
        Ok(Some(Row { hash: u64::from_le_bytes(hash), target_bucket, target_prefix, cells }))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn string(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        Ok(match self.length()? {
            None => None,
            Some(length) => self.take(length),
        })
    }

    fn length(&mut self) -> Result<Option<usize>, Malformed> {
        let (mut length, mut shift) = (0_u64, 0);
        while let Some(&[byte]) = self.take(1) {
            length |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if length > MAX_CELL || shift > 28 {
                return Err(Malformed(format!("a value is said to have more than {MAX_CELL} bytes")));
            }
            if byte < 0x80 {
                return Ok(usize::try_from(length).ok());
            }
        }
        Ok(None)
    }
}

/// Appends a string as rows have it.
pub fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends the length of a string or a list.
pub(crate) fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}
