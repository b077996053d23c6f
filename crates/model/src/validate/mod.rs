//! The check at the door: one fast pass that collects nothing, and a second one for the errors if it failed.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::error::{Excess, Invalid, RecordError};
use crate::fault::Stop;
use crate::limits::{Format, Limits};
use crate::records::{Records, Scratch};
use crate::time::Timestamp;

/// How many errors of a body are told.
pub const MAX_ERRORS: usize = 10;

/// What an invalid record means for its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing of the batch is taken.
    Strict,
    /// The valid records are taken (`Prefer: handling=lenient`, RFC 7240). An error of the body still fails it.
    Lenient,
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All records of the body, rejected ones included.
    pub records: u32,
    /// Valid records.
    pub accepted: u32,
    /// Earliest time among the accepted records.
    pub min: Option<Timestamp>,
    /// Latest time among the accepted records.
    pub max: Option<Timestamp>,
    /// Indexes of the rejected records, ascending. Always empty in [`Mode::Strict`].
    pub rejected: Vec<u32>,
    /// The first [`MAX_ERRORS`] errors of rejected records.
    pub errors: Vec<RecordError>,
}

/// Checks a whole body. Takes no memory for each record, but for the indexes of rejected ones.
///
/// # Errors
/// [`Invalid::TooLarge`] as soon as a limit of `limits` is passed; [`Invalid::Malformed`] for an error of the body,
/// and in [`Mode::Strict`] for an invalid record.
pub fn validate(format: Format, body: &[u8], limits: &Limits, mode: Mode) -> Result<Summary, Invalid> {
    let mut tally = Tally::default();
    let mut scratch = Scratch::default();
    let mut records = Records::with_nesting(format, body, limits.max_nesting);
    let passed = count(&mut records, &mut scratch, &mut tally, limits, mode)?;
    let mut summary = tally.summary;
    summary.records = records.count();
    if passed && summary.rejected.is_empty() {
        return Ok(summary);
    }
    let errors = collect(Records::with_nesting(format, body, limits.max_nesting), &mut scratch);
    if !passed {
        return Err(Invalid::Malformed { errors });
    }
    summary.errors = errors;
    Ok(summary)
}

/// The fast pass. `false`: the body cannot be taken, and the errors are worth a second pass.
fn count(
    records: &mut Records<'_>,
    scratch: &mut Scratch,
    tally: &mut Tally,
    limits: &Limits,
    mode: Mode,
) -> Result<bool, Excess> {
    while let Some(step) = records.advance(scratch) {
        if records.count() > limits.max_records {
            return Err(Excess::records(limits.max_records));
        }
        match step {
            Ok(timestamp) => tally.accept(timestamp, limits)?,
            Err(Stop::Record(_)) if mode == Mode::Lenient => tally.summary.rejected.push(records.count() - 1),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// The second pass. It goes to the end, so that an error that ends the walk is told however many come before it.
fn collect(mut records: Records<'_>, scratch: &mut Scratch) -> Vec<RecordError> {
    let mut errors = Vec::new();
    while let Some(step) = records.advance(scratch) {
        match step {
            Err(stop @ Stop::Record(_)) if errors.len() < MAX_ERRORS => errors.push(records.error(stop)),
            Err(stop @ Stop::Body(_)) => {
                errors.truncate(MAX_ERRORS - 1);
                errors.push(records.error(stop));
            }
            _ => (),
        }
    }
    errors
}

#[derive(Default)]
struct Tally {
    summary: Summary,
    /// The hour of the last record: most records need no look at the others.
    last: Option<u32>,
    hours: BTreeSet<u32>,
}

impl Tally {
    #[inline]
    fn accept(&mut self, timestamp: Timestamp, limits: &Limits) -> Result<(), Excess> {
        let summary = &mut self.summary;
        summary.accepted += 1;
        summary.min = Some(summary.min.map_or(timestamp, |min| min.min(timestamp)));
        summary.max = Some(summary.max.map_or(timestamp, |max| max.max(timestamp)));
        let hour = timestamp.hour();
        if self.last == Some(hour) { Ok(()) } else { self.enter(hour, limits) }
    }

    #[cold]
    fn enter(&mut self, hour: u32, limits: &Limits) -> Result<(), Excess> {
        self.last = Some(hour);
        self.hours.insert(hour);
        if self.hours.len() > limits.max_hours as usize {
            Err(Excess::hours(limits.max_hours))
        } else {
            Ok(())
        }
    }
}
