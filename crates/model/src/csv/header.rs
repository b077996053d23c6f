//! The header row: which column holds which field.

use std::borrow::Cow;

use super::cursor::Cell;
use crate::fault::{Fault, Field};
use crate::fields;
use crate::json::escape;
use crate::limits::{MAX_COLUMN_NAME, MAX_COLUMNS};

/// The columns of a body.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// How many cells a row has.
    pub(super) columns: usize,
    pub(super) timestamp: usize,
    pub(super) method: Option<usize>,
    pub(super) path: usize,
    pub(super) user_agent: usize,
    pub(super) extras: Vec<Extra>,
}

/// A further column.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) column: usize,
    /// What stands before its value in a line: `,"name":"`.
    pub(super) prefix: Box<[u8]>,
}

#[derive(Default)]
struct Found {
    timestamp: Option<usize>,
    alias: Option<usize>,
    method: Option<usize>,
    path: Option<usize>,
    user_agent: Option<usize>,
    extras: Vec<Extra>,
}

impl Header {
    /// # Errors
    /// A fault of the whole body: without the header no row can be read.
    pub(super) fn new(cells: &[Cell], count: usize, body: &str) -> Result<Self, Fault> {
        if count > MAX_COLUMNS {
            return Err(Fault::ManyColumns);
        }
        let names: Vec<Cow<'_, str>> = cells.iter().map(|cell| cell.text(body).unescaped()).collect();
        check_names(&names)?;
        check_twice(&names, cells)?;
        let found = find(&names);
        if found.timestamp.is_some() && found.alias.is_some() {
            return Err(Fault::TwoTimes);
        }
        let need = |place: Option<usize>, field| place.ok_or(Fault::NoColumn(field));
        Ok(Self {
            columns: count,
            timestamp: need(found.timestamp.or(found.alias), Field::Timestamp)?,
            method: found.method,
            path: need(found.path, Field::Path)?,
            user_agent: need(found.user_agent, Field::UserAgent)?,
            extras: found.extras,
        })
    }
}

fn find(names: &[Cow<'_, str>]) -> Found {
    let mut found = Found::default();
    for (column, name) in names.iter().enumerate() {
        match fields::known(name) {
            Some((Field::Timestamp, true)) => found.alias = Some(column),
            Some((Field::Timestamp, false)) => found.timestamp = Some(column),
            Some((Field::Method, _)) => found.method = Some(column),
            Some((Field::Path, _)) => found.path = Some(column),
            Some((Field::UserAgent, _)) => found.user_agent = Some(column),
            None => found.extras.push(Extra { column, prefix: prefix(name) }),
        }
    }
    found
}

fn prefix(name: &str) -> Box<[u8]> {
    let mut prefix = b",\"".to_vec();
    escape::write(name.as_bytes(), &mut prefix);
    prefix.extend_from_slice(b"\":\"");
    prefix.into()
}

fn check_names(names: &[Cow<'_, str>]) -> Result<(), Fault> {
    for (name, number) in names.iter().zip(1..) {
        match name.len() {
            0 => return Err(Fault::UnnamedColumn { number }),
            1..=MAX_COLUMN_NAME => (),
            _ => return Err(Fault::LongColumn { number }),
        }
    }
    Ok(())
}

fn check_twice(names: &[Cow<'_, str>], cells: &[Cell]) -> Result<(), Fault> {
    let mut sorted: Vec<_> = names.iter().zip(cells).collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let twice = sorted.windows(2).find_map(|pair| match pair {
        [(a, _), (b, cell)] if a == b => Some(cell.span),
        _ => None,
    });
    twice.map_or(Ok(()), |name| Err(Fault::DuplicateColumn { name }))
}
