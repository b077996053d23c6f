//! The check at the door: the walk that listens to nothing but times and sizes.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::error::{Fault, Invalid};
use crate::limits::Limits;
use crate::walk::{Fields, Kind, Scalar, ScopeFields, Values, Visit, walk};

/// What a request holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Log records.
    pub records: u64,
    /// Smallest and largest time of the records in nanoseconds since 1970: `time_unix_nano`, else
    /// `observed_time_unix_nano`. Records without either do not count; `None` if there are no others.
    pub span: Option<(u64, u64)>,
    /// Bytes of the records when each repeats its resource and scope.
    pub expanded: u64,
}

/// Checks a request without building it: lengths, wire types, numbers, nesting. Allocates nothing if it is valid. What
/// it takes [`read`](crate::read) takes under the same limits, and nothing else. An empty request is valid. Strings
/// that are no UTF-8 and ids of another length are valid.
///
/// # Errors
/// What is wrong first, and where.
pub fn check(body: &[u8], limits: &Limits) -> Result<Summary, Invalid> {
    let mut counter = Counter::default();
    walk(body, limits.nesting(), &mut counter)?;
    let summary = counter.summary();
    if summary.expanded > limits.max_expanded {
        return Err(too_large(summary.expanded, limits.max_expanded));
    }
    Ok(summary)
}

#[cold]
fn too_large(expanded: u64, limit: u64) -> Invalid {
    Invalid::from(Fault::new(
        0,
        format!(
            "its records take {expanded} bytes with the resource and scope that each of them has, at most {limit} \
             are taken: send fewer records in a request or smaller resources"
        ),
    ))
}

/// Counts, and keeps no values.
#[derive(Default)]
struct Counter {
    records: u64,
    /// Records before the resource and before the scope that is open.
    before_resource: u64,
    before_scope: u64,
    expanded: u64,
    earliest: Option<u64>,
    latest: u64,
    nothing: Nothing,
}

impl Counter {
    fn summary(&self) -> Summary {
        let span = self.earliest.map(|earliest| (earliest, self.latest));
        Summary { records: self.records, span, expanded: self.expanded }
    }

    /// Counts what the records after the first `before` repeat.
    fn repeat(&mut self, size: usize, before: u64) {
        let records = self.records.saturating_sub(before);
        self.expanded = self.expanded.saturating_add(records.saturating_mul(size as u64));
    }
}

impl<'a> Visit<'a> for Counter {
    type Values = Nothing;

    const IN_ORDER: bool = false;

    fn begin_resource(&mut self) {
        self.before_resource = self.records;
    }

    fn resource_values(&mut self) -> &mut Nothing {
        &mut self.nothing
    }

    fn resource_dropped(&mut self, _: u32) {}

    fn resource(&mut self) {}

    fn end_resource(&mut self, size: usize) {
        self.repeat(size, self.before_resource);
    }

    fn begin_scope(&mut self) {
        self.before_scope = self.records;
    }

    fn scope_values(&mut self) -> &mut Nothing {
        &mut self.nothing
    }

    fn scope_fields(&mut self, _: &ScopeFields<'a>) {}

    fn scope(&mut self) {}

    fn end_scope(&mut self, size: usize) {
        self.repeat(size, self.before_scope);
    }

    fn begin_record(&mut self) {}

    #[inline]
    fn record_values(&mut self) -> &mut Nothing {
        &mut self.nothing
    }

    #[inline]
    fn record(&mut self, fields: &Fields<'a>, place: Range<usize>) {
        self.records += 1;
        self.expanded = self.expanded.saturating_add(place.len() as u64);
        let time = if fields.time == 0 { fields.observed_time } else { fields.time };
        if time != 0 {
            self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
            self.latest = self.latest.max(time);
        }
    }
}

/// Takes values and forgets them.
#[derive(Default)]
struct Nothing;

impl<'a> Values<'a> for Nothing {
    type Slot = ();

    #[inline]
    fn attributes(&mut self) {}

    #[inline]
    fn body(&mut self) {}

    #[inline]
    fn key(&mut self, (): (), _: &'a [u8]) {}

    #[inline]
    fn scalar(&mut self, (): (), _: Scalar<'a>) {}

    #[inline]
    fn list(&mut self, (): (), _: Kind) {}

    #[inline]
    fn element(&mut self, (): ()) {}
}
