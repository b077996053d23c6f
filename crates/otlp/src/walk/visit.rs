//! What a walk tells. The check listens to nothing, so that what it does not need is not even computed.

use std::ops::Range;

/// A value that holds no others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    String(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// A value that holds others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Kvlist,
}

/// Takes the values of one message. A slot is the place of a value with its key, empty at first; what is put into it
/// twice follows the rules of protobuf: the last scalar wins, a list goes on if it was the same kind of list before.
pub(crate) trait Values<'a> {
    type Slot: Copy;

    /// The slot of the attributes, a key-value list.
    fn attributes(&mut self) -> Self::Slot;
    /// The slot of a record's body.
    fn body(&mut self) -> Self::Slot;
    fn key(&mut self, slot: Self::Slot, key: &'a [u8]);
    fn scalar(&mut self, slot: Self::Slot, value: Scalar<'a>);
    fn list(&mut self, slot: Self::Slot, kind: Kind);
    /// A new slot at the end of the slot's list.
    fn element(&mut self, list: Self::Slot) -> Self::Slot;
}

/// The fields of a record that hold no values. Absent ones are 0 or empty, as protobuf has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) time: u64,
    pub(crate) observed_time: u64,
    pub(crate) severity_number: i32,
    pub(crate) severity_text: &'a [u8],
    pub(crate) dropped_attributes: u32,
    pub(crate) flags: u32,
    pub(crate) trace_id: &'a [u8],
    pub(crate) span_id: &'a [u8],
    pub(crate) event_name: &'a [u8],
}

/// The fields of a scope that hold no values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScopeFields<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) version: &'a [u8],
    pub(crate) dropped_attributes: u32,
}

/// Takes what a walk finds: `begin_resource`, its values and count, `begin_scope`, its values and fields, and for each
/// record `begin_record`, its values, `record`. Where [`Visit::IN_ORDER`] is not set, heads may come after the records.
pub(crate) trait Visit<'a> {
    type Values: Values<'a>;

    /// Resources and scopes are told before their records, wherever they stand. It takes a second pass over the tags.
    const IN_ORDER: bool;
    /// Of records only the times and the place are told. What else is in them is skipped, so that the request has to be checked before.
    const TIMES_ONLY: bool = false;

    fn begin_resource(&mut self);
    fn resource_values(&mut self) -> &mut Self::Values;
    fn resource_dropped(&mut self, count: u32);
    /// The head of the resource is complete, if in order.
    fn resource(&mut self);
    /// All records of the resource were told; `size` is what each of them repeats of it, in bytes.
    fn end_resource(&mut self, size: usize);

    fn begin_scope(&mut self);
    fn scope_values(&mut self) -> &mut Self::Values;
    fn scope_fields(&mut self, fields: &ScopeFields<'a>);
    /// The head of the scope is complete, if in order.
    fn scope(&mut self);
    /// All records of the scope were told; `size` is what each of them repeats of it, in bytes.
    fn end_scope(&mut self, size: usize);

    fn begin_record(&mut self);
    fn record_values(&mut self) -> &mut Self::Values;
    /// The record is complete; `place` are its bytes in the request.
    fn record(&mut self, fields: &Fields<'a>, place: Range<usize>);
}
