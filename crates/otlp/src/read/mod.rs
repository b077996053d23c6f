//! The decoder: the walk that keeps the values of one resource, one scope and one record at a time.

mod shown;
mod tape;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::check::{Summary, check};
use crate::error::Invalid;
use crate::limits::{Limits, MAX_NESTING};
use crate::walk::{Fields, ScopeFields, Visit, record, walk};
use crate::wire::Reader;

pub use shown::{Attributes, Id, Record, Resource, Scope};

pub(crate) use tape::{Found, Nodes};

use tape::Tape;

/// Takes the records of a request, in its order. A resource comes before its scopes and a scope before its records,
/// wherever they stand on the wire, and also if they are empty or absent.
pub trait Visitor {
    /// The resource of what comes next.
    fn resource(&mut self, resource: &Resource<'_>);

    /// The scope of what comes next.
    fn scope(&mut self, scope: &Scope<'_>);

    /// A record.
    fn record(&mut self, record: &Record<'_>);
}

/// Decodes a request. The visitor is told everything, or nothing if the request is not valid.
/// Memory: up to 24 times the largest resource, scope or record, which is kept until the end; nothing for each record.
///
/// # Errors
/// The same as [`check`] has for this request.
pub fn read(body: &[u8], limits: &Limits, visitor: &mut impl Visitor) -> Result<Summary, Invalid> {
    decode::<false>(body, limits, visitor)
}

/// Tells where the records of a request are: as [`read`], but a record has only its times and its place, and costs the less.
///
/// # Errors
/// The same as [`check`] has for this request.
pub fn locate(body: &[u8], limits: &Limits, visitor: &mut impl Visitor) -> Result<Summary, Invalid> {
    decode::<true>(body, limits, visitor)
}

fn decode<const TIMES_ONLY: bool>(
    body: &[u8],
    limits: &Limits,
    visitor: &mut impl Visitor,
) -> Result<Summary, Invalid> {
    let summary = check(body, limits)?;
    let mut decoder: Decoder<'_, '_, _, TIMES_ONLY> = Decoder {
        resource: Tape::default(),
        resource_dropped: 0,
        scope: Tape::default(),
        scope_fields: ScopeFields::default(),
        record: Tape::default(),
        visitor,
    };
    walk(body, limits.nesting(), &mut decoder)?;
    Ok(summary)
}

struct Decoder<'a, 'v, V, const TIMES_ONLY: bool> {
    resource: Tape<'a>,
    resource_dropped: u32,
    scope: Tape<'a>,
    scope_fields: ScopeFields<'a>,
    record: Tape<'a>,
    visitor: &'v mut V,
}

impl<'a, V: Visitor, const TIMES_ONLY: bool> Visit<'a> for Decoder<'a, '_, V, TIMES_ONLY> {
    type Values = Tape<'a>;

    const IN_ORDER: bool = true;
    const TIMES_ONLY: bool = TIMES_ONLY;

    fn begin_resource(&mut self) {
        self.resource.clear();
        self.resource_dropped = 0;
    }

    fn resource_values(&mut self) -> &mut Tape<'a> {
        &mut self.resource
    }

    fn resource_dropped(&mut self, count: u32) {
        self.resource_dropped = count;
    }

    fn resource(&mut self) {
        self.visitor.resource(&Resource::new(&self.resource, self.resource_dropped));
    }

    fn end_resource(&mut self, _: usize) {}

    fn begin_scope(&mut self) {
        self.scope.clear();
        self.scope_fields = ScopeFields::default();
    }

    fn scope_values(&mut self) -> &mut Tape<'a> {
        &mut self.scope
    }

    fn scope_fields(&mut self, fields: &ScopeFields<'a>) {
        self.scope_fields = *fields;
    }

    fn scope(&mut self) {
        self.visitor.scope(&Scope::new(&self.scope, self.scope_fields));
    }

    fn end_scope(&mut self, _: usize) {}

    #[inline]
    fn begin_record(&mut self) {
        self.record.clear();
    }

    #[inline]
    fn record_values(&mut self) -> &mut Tape<'a> {
        &mut self.record
    }

    #[inline]
    fn record(&mut self, fields: &Fields<'a>, place: Range<usize>) {
        self.visitor.record(&Record::new(&self.record, *fields, place));
    }
}

/// Decodes single records again, in any order: for who keeps requests and the places of their records.
#[derive(Debug, Default)]
pub struct RecordReader<'a> {
    tape: Tape<'a>,
}

impl<'a> RecordReader<'a> {
    /// The record whose bytes these are; see [`Record::place`].
    ///
    /// # Errors
    /// What is wrong with the bytes. Those of a record that a visitor was shown are right.
    pub fn read(&mut self, bytes: &'a [u8]) -> Result<Record<'_>, Invalid> {
        self.tape.clear();
        let fields = record(Reader::new(bytes), MAX_NESTING, &mut self.tape)?;
        Ok(Record::new(&self.tape, fields, 0..bytes.len()))
    }
}
