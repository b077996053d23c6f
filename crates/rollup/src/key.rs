//! What records are counted by.

use logmill_model::Record;
use memchr::memchr2;

/// Under this name answers sum up the keys that they do not show.
pub const OTHER: &str = "__other__";

/// Writes the path key of a record: the method and a blank where a method came, then the path up to its query string or
/// fragment. Unescaped, so that two ways to write a path are one key.
#[inline]
pub(crate) fn path(record: &Record<'_>, out: &mut Vec<u8>) {
    out.clear();
    if let Some(method) = record.method() {
        out.extend_from_slice(method.unescaped().as_bytes());
        out.push(b' ');
    }
    let path = record.path().unescaped();
    let bytes = path.as_bytes();
    let end = memchr2(b'?', b'#', bytes).unwrap_or(bytes.len());
    out.extend_from_slice(bytes.get(..end).unwrap_or(bytes));
}
