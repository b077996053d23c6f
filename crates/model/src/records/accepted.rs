//! The walk of a consumer: over the records that were accepted.

use std::iter::Peekable;
use std::slice::Iter;

use super::{Record, Records, Scratch};
use crate::error::RecordError;
use crate::fault::Stop;
use crate::limits::Format;

/// A record, or the rest of a body, that cannot be read though it was accepted.
#[derive(Debug)]
pub struct Undecoded {
    /// What is wrong.
    pub error: RecordError,
    /// A body of the same format with just the record; none if the rest of the body is meant.
    pub alone: Option<String>,
}

/// Walks the records of a stored body but for those that were rejected when it came.
#[derive(Debug)]
pub struct Accepted<'a> {
    records: Records<'a>,
    rejected: Peekable<Iter<'a, u32>>,
    index: u32,
}

impl<'a> Accepted<'a> {
    /// A walk from the first record. `rejected` are indexes, ascending.
    #[must_use]
    pub fn new(format: Format, body: &'a [u8], rejected: &'a [u32]) -> Self {
        Self { records: Records::new(format, body), rejected: rejected.iter().peekable(), index: 0 }
    }

    /// The next record, `None` at the end. After an error of a record the walk goes on with the next one.
    ///
    /// # Errors
    /// What cannot be read.
    #[inline]
    pub fn next<'r>(&'r mut self, scratch: &'r mut Scratch) -> Option<Result<Record<'r>, Undecoded>> {
        loop {
            let step = self.records.advance(scratch)?;
            let at = self.index;
            self.index += 1;
            if self.rejected.next_if_eq(&&at).is_some() {
                continue;
            }
            return Some(match step {
                Ok(timestamp) => Ok(self.records.record(timestamp, scratch)),
                Err(stop) => Err(self.undecoded(stop)),
            });
        }
    }

    #[cold]
    fn undecoded(&self, stop: Stop) -> Undecoded {
        let error = self.records.error(stop);
        let alone = error.index.map(|_| self.records.alone());
        Undecoded { error, alone }
    }
}
