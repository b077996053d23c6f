//! CSV records (RFC 4180): a header row that names the columns, then one record a row.

mod cursor;
mod header;
mod render;
mod rows;

#[cfg(test)]
mod tests;

pub(crate) use cursor::Cell;
pub(crate) use header::Header;
pub(crate) use rows::{Row, Rows};
