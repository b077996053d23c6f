//! The rules of the named fields, the same for every format.

use crate::fault::{Fault, Field};
use crate::limits::{MAX_METHOD, MAX_PATH};
use crate::text::Text;
use crate::time::Stamp;

#[inline]
pub(crate) fn time(text: Text<'_>) -> Result<Stamp, Fault> {
    if text.is_plain() {
        return Stamp::parse(text.raw().as_bytes()).map_err(Fault::Time);
    }
    let mut stamp = Stamp::parse(text.unescaped().as_bytes()).map_err(Fault::Time)?;
    stamp.verbatim = false;
    Ok(stamp)
}

#[inline]
pub(crate) fn path(text: Text<'_>) -> Result<(), Fault> {
    // Unescaping only shortens, so that a short raw text needs no look inside.
    match text.raw().len() {
        0 => Err(Fault::EmptyPath),
        1..=MAX_PATH => Ok(()),
        _ if text.unescaped().len() <= MAX_PATH => Ok(()),
        _ => Err(Fault::LongPath),
    }
}

/// A token of RFC 9110, section 5.6.2.
#[inline]
pub(crate) fn method(text: Text<'_>) -> Result<(), Fault> {
    if text.is_plain() { token(text.raw().as_bytes()) } else { token(text.unescaped().as_bytes()) }
}

#[inline]
fn token(bytes: &[u8]) -> Result<(), Fault> {
    let fits = (1..=MAX_METHOD).contains(&bytes.len());
    if fits && bytes.iter().all(|&byte| is_token(byte)) { Ok(()) } else { Err(Fault::Method) }
}

pub(crate) fn known(name: &str) -> Option<(Field, bool)> {
    match name {
        "timestamp" => Some((Field::Timestamp, false)),
        "receivedAt" => Some((Field::Timestamp, true)),
        "method" => Some((Field::Method, false)),
        "path" => Some((Field::Path, false)),
        "userAgent" => Some((Field::UserAgent, false)),
        _ => None,
    }
}

#[inline]
fn is_token(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
