//! What a visitor is shown.

use std::ops::Range;

use super::tape::{Nodes, Tape};
use crate::value::{Text, Value};
use crate::walk::{Fields, ScopeFields};

/// What the records come from.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'r> {
    tape: &'r Tape<'r>,
    dropped: u32,
}

impl<'r> Resource<'r> {
    pub(super) fn new(tape: &'r Tape<'r>, dropped: u32) -> Self {
        Self { tape, dropped }
    }

    /// Its attributes as they came; a key may stand twice.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'r> {
        Attributes(Nodes::attributes(self.tape))
    }

    /// How many attributes the sender left out.
    #[must_use]
    pub fn dropped_attributes(&self) -> u32 {
        self.dropped
    }
}

/// What wrote the records.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'r> {
    tape: &'r Tape<'r>,
    fields: ScopeFields<'r>,
}

impl<'r> Scope<'r> {
    pub(super) fn new(tape: &'r Tape<'r>, fields: ScopeFields<'r>) -> Self {
        Self { tape, fields }
    }

    /// Its name, empty if it is not known.
    #[must_use]
    pub fn name(&self) -> Text<'r> {
        Text::new(self.fields.name)
    }

    /// Its version, empty if it is not known.
    #[must_use]
    pub fn version(&self) -> Text<'r> {
        Text::new(self.fields.version)
    }

    /// Its attributes as they came; a key may stand twice.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'r> {
        Attributes(Nodes::attributes(self.tape))
    }

    /// How many attributes the sender left out.
    #[must_use]
    pub fn dropped_attributes(&self) -> u32 {
        self.fields.dropped_attributes
    }
}

/// A log record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    tape: &'r Tape<'r>,
    fields: Fields<'r>,
    start: usize,
    end: usize,
}

impl<'r> Record<'r> {
    pub(super) fn new(tape: &'r Tape<'r>, fields: Fields<'r>, place: Range<usize>) -> Self {
        Self { tape, fields, start: place.start, end: place.end }
    }

    /// When it happened, in nanoseconds since 1970; 0 if it is not known.
    #[must_use]
    pub fn time_unix_nano(&self) -> u64 {
        self.fields.time
    }

    /// When it was seen by the collecting side, in nanoseconds since 1970; 0 if it is not known.
    #[must_use]
    pub fn observed_time_unix_nano(&self) -> u64 {
        self.fields.observed_time
    }

    /// 1 to 24 by the specification, 0 if it is not known; a sender may send any number.
    #[must_use]
    pub fn severity_number(&self) -> i32 {
        self.fields.severity_number
    }

    /// The severity as the source calls it, possibly empty.
    #[must_use]
    pub fn severity_text(&self) -> Text<'r> {
        Text::new(self.fields.severity_text)
    }

    /// The body; [`Value::Empty`] if there is none.
    #[must_use]
    pub fn body(&self) -> Value<'r> {
        Value::from(Nodes::body(self.tape))
    }

    /// Its attributes as they came; a key may stand twice.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'r> {
        Attributes(Nodes::attributes(self.tape))
    }

    /// How many attributes the sender left out.
    #[must_use]
    pub fn dropped_attributes(&self) -> u32 {
        self.fields.dropped_attributes
    }

    /// The W3C trace flags in the lower 8 bits.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.fields.flags
    }

    /// The trace that it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Id<16> {
        Id::new(self.fields.trace_id)
    }

    /// The span that it belongs to.
    #[must_use]
    pub fn span_id(&self) -> Id<8> {
        Id::new(self.fields.span_id)
    }

    /// The name of the event that it is, empty if it is none.
    #[must_use]
    pub fn event_name(&self) -> Text<'r> {
        Text::new(self.fields.event_name)
    }

    /// Where its bytes are in the request; [`RecordReader`](crate::RecordReader) reads them again.
    #[must_use]
    pub fn place(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The id of a trace or span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id<const N: usize> {
    /// Not sent, or all zero, which the specification calls invalid.
    Absent,
    /// Of another length than `N` bytes.
    WrongLength,
    /// An id.
    Valid([u8; N]),
}

impl<const N: usize> Id<N> {
    fn new(bytes: &[u8]) -> Self {
        match <[u8; N]>::try_from(bytes) {
            Ok(id) if id == [0; N] => Self::Absent,
            Ok(id) => Self::Valid(id),
            Err(_) if bytes.is_empty() => Self::Absent,
            Err(_) => Self::WrongLength,
        }
    }
}

/// Goes over attributes in the order they came.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'r>(Nodes<'r>);

impl<'r> Iterator for Attributes<'r> {
    type Item = (Text<'r>, Value<'r>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, found)| (Text::new(key), Value::from(found)))
    }
}
