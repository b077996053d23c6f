//! Reading and writing the protobuf wire format (protobuf.dev, "Encoding").

mod write;

#[cfg(test)]
mod tests;

use crate::error::Fault;

pub(crate) use write::{Writer, length_bytes};

/// How the value of a field is laid out: the lower three bits of a tag.
pub(crate) const VARINT: u32 = 0;
pub(crate) const FIXED64: u32 = 1;
pub(crate) const BYTES: u32 = 2;
const GROUP: u32 = 3;
const END_GROUP: u32 = 4;
pub(crate) const FIXED32: u32 = 5;

/// The tag of a field with a layout.
pub(crate) const fn tag(field: u32, layout: u32) -> u32 {
    field << 3 | layout
}

/// A place in a message. `bytes` begins where the request begins and ends where the message ends, so that places are
/// those of the request at every level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes before this place, from the start of the request.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is left of the message.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes between two places.
    pub(crate) fn between(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// The next field's tag; `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Result<Option<u32>, Fault> {
        match self.bytes.get(self.at) {
            None => Ok(None),
            Some(&byte) if (8..0x80).contains(&byte) => {
                self.at += 1;
                Ok(Some(u32::from(byte)))
            }
            Some(_) => self.long_tag().map(Some),
        }
    }

    #[inline(never)]
    fn long_tag(&mut self) -> Result<u32, Fault> {
        let start = self.at;
        let tag = self.long_varint()?;
        match u32::try_from(tag) {
            Ok(tag) if tag >= 8 => Ok(tag),
            Ok(_) => Err(Fault::new(start, "a field has the number 0")),
            Err(_) => Err(Fault::new(start, "a field number is over 536870911")),
        }
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Fault> {
        let start = self.at;
        let mut value = 0;
        for (index, &byte) in self.rest().iter().take(10).enumerate() {
            // The tenth byte holds the one bit that is left of 64.
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(if self.rest().len() < 10 {
            Fault::new(start, "a number is cut off by the end of its message")
        } else {
            Fault::new(start, "a number is longer than 64 bits")
        })
    }

    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64, Fault> {
        match self.rest().first_chunk() {
            Some(chunk) => {
                self.at += 8;
                Ok(u64::from_le_bytes(*chunk))
            }
            None => Err(Fault::new(self.at, "a number of 8 bytes is cut off by the end of its message")),
        }
    }

    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32, Fault> {
        match self.rest().first_chunk() {
            Some(chunk) => {
                self.at += 4;
                Ok(u32::from_le_bytes(*chunk))
            }
            None => Err(Fault::new(self.at, "a number of 4 bytes is cut off by the end of its message")),
        }
    }

    /// The message of a field whose tag was read.
    #[inline(always)]
    pub(crate) fn message(&mut self) -> Result<Reader<'a>, Fault> {
        let length = self.varint()?;
        let at = self.at;
        let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
        match end.and_then(|end| self.bytes.get(..end)) {
            Some(bytes) => {
                self.at = bytes.len();
                Ok(Reader { bytes, at })
            }
            None => Err(self.too_long(length)),
        }
    }

    /// The bytes of a field whose tag was read.
    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => Err(self.too_long(length)),
        }
    }

    #[cold]
    fn too_long(&self, length: u64) -> Fault {
        let left = self.rest().len();
        Fault::new(self.at, format!("a length of {length} bytes where {left} are left"))
    }

    /// What to do with a field that no arm took: one of `known` (a bit for each number) came with a wrong layout, any
    /// other is skipped. Groups take at most `nesting` levels.
    #[inline(never)]
    pub(crate) fn unknown(&mut self, tag: u32, known: u32, nesting: u32) -> Result<(), Fault> {
        let number = tag >> 3;
        if number < 32 && known & 1 << number != 0 {
            return Err(Fault::new(self.at, format!("field {number} has the wrong wire type {}", tag & 7)));
        }
        self.skip(tag, nesting)
    }

    /// Skips the value of a field, whatever it is.
    pub(crate) fn skip(&mut self, tag: u32, nesting: u32) -> Result<(), Fault> {
        match tag & 7 {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            GROUP => self.skip_group(tag >> 3, nesting),
            END_GROUP => Err(Fault::new(self.at, "a group ends that never began")),
            other => Err(Fault::new(self.at, format!("wire type {other} does not exist"))),
        }
    }

    fn skip_group(&mut self, number: u32, nesting: u32) -> Result<(), Fault> {
        let start = self.at;
        let Some(nesting) = nesting.checked_sub(1) else { return Err(too_deep(start)) };
        while let Some(next) = self.tag()? {
            if next == tag(number, END_GROUP) {
                return Ok(());
            }
            self.skip(next, nesting)?;
        }
        Err(Fault::new(start, "a group has no end"))
    }
}

/// The fault of what is nested deeper than the limit.
#[cold]
pub(crate) fn too_deep(at: usize) -> Fault {
    Fault::new(at, "lists are nested too deep (setting `limits.max_nesting`)")
}
