//! Rows of a day in the table's order: `service_name`, `timestamp`, nulls first.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use logmill_otlp::RecordReader;

use super::columns::Columns;
use super::{Collected, Entry};

/// Most rows of a batch, and bytes on the wire after which it ends.
const ROWS: usize = 8192;
const BYTES: usize = 8 << 20;

/// What was mended in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Strings that were no UTF-8, once for each row that has them.
    pub strings: u64,
    /// Ids of a wrong length.
    pub ids: u64,
    /// Times too far from the arrival.
    pub times: u64,
}

/// The rows that some collections have of a day (since 1970-01-01), as sorted batches of at most 8,192 rows, with the columns of
/// [`schema`](super::schema). Rows with the same service and time stay in the order of their arrival. Sorting takes 24 bytes a row.
#[must_use]
pub fn batches<'a>(of: &[&'a Collected], day: i32) -> Batches<'a> {
    let services: BTreeSet<Option<&str>> =
        of.iter().flat_map(|collected| collected.contexts.services()).collect();
    let services: Vec<Option<&str>> = services.into_iter().collect();
    let mut rows = Vec::with_capacity(of.iter().map(|collected| collected.of_day(day).len()).sum());
    let mut sources = Vec::new();
    for collected in of {
        let ranks = collected.contexts.ranks(&services);
        let source = sources.len() as u32;
        for (index, entry) in (0..).zip(collected.of_day(day)) {
            let service = ranks.get(entry.context.index()).copied().unwrap_or_default();
            rows.push(Row { service, source, micros: entry.nanos.div_euclid(1000), index });
        }
        sources.push(*collected);
    }
    rows.sort_by_key(|row| (row.service, row.micros));
    Batches { day, sources, rows: rows.into_iter(), reader: RecordReader::default(), columns: Columns::new() }
}

/// A record by what it is sorted by.
#[derive(Clone, Copy, Debug)]
struct Row {
    service: u32,
    source: u32,
    micros: i64,
    index: u32,
}

/// Builds batches, one at a time.
pub struct Batches<'a> {
    day: i32,
    sources: Vec<&'a Collected>,
    rows: std::vec::IntoIter<Row>,
    reader: RecordReader<'a>,
    columns: Columns<'a>,
}

impl<'a> Batches<'a> {
    /// Rows that are still to come.
    #[must_use]
    pub fn rows_left(&self) -> usize {
        self.rows.len()
    }

    /// What was mended in the batches until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.columns.counts()
    }

    fn fill(&mut self) -> Result<(), ArrowError> {
        let mut bytes = 0;
        while self.columns.rows() < ROWS && bytes < BYTES {
            let Some(row) = self.rows.next() else { break };
            let Some((collected, entry)) = self.locate(row) else { continue };
            let Some(context) = collected.contexts.get(entry.context) else { continue };
            let message = collected.bytes(entry);
            // Its frame was checked when it was added.
            let record =
                self.reader.read(message).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
            self.columns.push(entry.nanos, &record, context)?;
            bytes += message.len() + context.size();
        }
        Ok(())
    }

    fn locate(&self, row: Row) -> Option<(&'a Collected, &'a Entry)> {
        let collected: &'a Collected = self.sources.get(row.source as usize)?;
        Some((collected, collected.of_day(self.day).get(row.index as usize)?))
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.len() == 0 {
            return None;
        }
        Some(self.fill().and_then(|()| self.columns.finish()))
    }
}
