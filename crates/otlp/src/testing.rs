//! Small messages by hand, for tests.

use crate::wire::Writer;

/// A field of bytes.
pub(crate) fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    out.string(number, content);
    out.into_bytes()
}

/// A request with one record of these fields.
pub(crate) fn request(record: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, record)))
}

/// A value with this many key-value lists inside of each other, the innermost of them empty.
pub(crate) fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(Vec::new(), |inner, level| {
        let list = if level == 0 { inner } else { field(1, &field(2, &inner)) };
        field(6, &list)
    })
}
