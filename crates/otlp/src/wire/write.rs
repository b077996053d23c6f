//! Writing messages.

use super::{BYTES, FIXED32, FIXED64, VARINT, tag};

/// Appends fields to a buffer. What it writes is the shortest form of each number.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn number(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, FIXED32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn string(&mut self, field: u32, value: &[u8]) {
        self.tag(field, BYTES);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Fields that are written already.
    pub(crate) fn raw(&mut self, fields: &[u8]) {
        self.bytes.extend_from_slice(fields);
    }

    /// Begins a message or string whose length is not known yet; [`Writer::close`] ends it.
    pub(crate) fn open(&mut self, field: u32) -> Open {
        self.tag(field, BYTES);
        Open(self.bytes.len())
    }

    /// Puts the length before what was written since `open`. The content moves by the length's few bytes.
    pub(crate) fn close(&mut self, open: Open) {
        let length = self.bytes.len().saturating_sub(open.0) as u64;
        let (digits, count) = digits(length);
        self.bytes.splice(open.0..open.0, digits.into_iter().take(count));
    }

    fn tag(&mut self, field: u32, layout: u32) {
        self.varint(u64::from(tag(field, layout)));
    }

    fn varint(&mut self, value: u64) {
        let (digits, count) = digits(value);
        self.bytes.extend(digits.into_iter().take(count));
    }
}

/// Where the content of something open begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open(usize);

/// Bytes that a length of this many bytes takes in front of them.
pub(crate) fn length_bytes(length: usize) -> usize {
    digits(length as u64).1
}

/// The bytes of a varint, and how many of them it takes.
fn digits(mut value: u64) -> ([u8; 10], usize) {
    let (mut digits, mut count) = ([0; 10], 0);
    for digit in &mut digits {
        count += 1;
        *digit = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            break;
        }
        *digit |= 0x80;
    }
    (digits, count)
}
