//! The bytes of a header, for logs that keep it beside the payload, and what all logs share of it.
//!
//! Little-endian: version 1 (u8), flags (u8: 1 key, 2 span), encoding (u8), count (u32), `received_at` (i64), batch id
//! (16 bytes), with flag 1 the key's hash and digest (16 bytes each), with flag 2 the span (two i64), customer (u16 and
//! bytes), rejected indexes (u32 and the gaps as varints), attributes (u32 and for each name, u16 and bytes, and value,
//! u32 and bytes).

use bytes::Bytes;
use thiserror::Error;

use crate::codec::{Malformed, Put, Take};
use crate::contract::{Encoding, Header, Key};

/// The longest encoded header in bytes.
pub const MAX: usize = 1 << 20;
/// At most this many attributes, and bytes of them together.
const MAX_ATTRIBUTES: (usize, usize) = (64, 16 * 1024);
/// The longest customer name in bytes.
const MAX_CUSTOMER: usize = 64;

const VERSION: u8 = 1;
const FLAG_KEY: u8 = 1;
const FLAG_SPAN: u8 = 2;

/// Why a header cannot be stored.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct TooLarge(pub &'static str);

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unreadable {
    /// They are of a version that this binary does not know.
    #[error(
        "the header has version {0}, this logmill knows version {VERSION}: it was written by a newer one"
    )]
    Version(u8),
    /// They end early, or hold a value that cannot be.
    #[error("the header is damaged")]
    Malformed,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The limits that the contract sets.
///
/// # Errors
/// Too many attributes, too long a customer, or rejected indexes that do not ascend below the count.
pub(crate) fn check(header: &Header) -> Result<(), TooLarge> {
    let bytes: usize = header.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    if header.attributes.len() > MAX_ATTRIBUTES.0 || bytes > MAX_ATTRIBUTES.1 {
        return Err(TooLarge("more than 64 attributes or 16 KiB of them"));
    }
    if header.customer.len() > MAX_CUSTOMER {
        return Err(TooLarge("customer name over 64 bytes"));
    }
    let ascending = header.rejected.is_sorted_by(|a, b| a < b);
    if !ascending || header.rejected.last().is_some_and(|last| *last >= header.count) {
        return Err(TooLarge("the indexes of rejected records do not ascend, or exceed the count"));
    }
    Ok(())
}

/// The bytes of a header.
///
/// # Errors
/// It is beyond the limits of the contract.
pub fn encode(header: &Header) -> Result<Vec<u8>, TooLarge> {
    check(header)?;
    let mut out = Vec::with_capacity(128 + header.rejected.len());
    out.put_u8(VERSION);
    let key = if header.key.is_some() { FLAG_KEY } else { 0 };
    out.put_u8(key | if header.span.is_some() { FLAG_SPAN } else { 0 });
    out.put_u8(header.encoding.0);
    out.put_u32(header.count);
    out.put_i64(header.received_at);
    out.put(&header.batch_id);
    if let Some(key) = header.key {
        out.put(&key.hash);
        out.put(&key.digest);
    }
    if let Some((first, last)) = header.span {
        out.put_i64(first);
        out.put_i64(last);
    }
    out.put_text(&header.customer);
    out.put_u32(header.rejected.len() as u32);
    put_rejected(&mut out, &header.rejected);
    out.put_u32(header.attributes.len() as u32);
    put_attributes(&mut out, &header.attributes);
    if out.len() > MAX { Err(TooLarge("header over 1 MiB")) } else { Ok(out) }
}

/// The header of these bytes.
///
/// # Errors
/// Another version, or bytes that `encode` does not make.
pub fn decode(bytes: &[u8]) -> Result<Header, Unreadable> {
    let mut take = Take(bytes);
    match take.u8()? {
        VERSION => {}
        other => return Err(Unreadable::Version(other)),
    }
    let (flags, encoding) = (take.u8()?, Encoding(take.u8()?));
    let mut header = Header::new(encoding, take.u32()?, take.i64()?);
    header.batch_id = take.array()?;
    if flags & FLAG_KEY != 0 {
        header.key = Some(Key { hash: take.array()?, digest: take.array()? });
    }
    if flags & FLAG_SPAN != 0 {
        header.span = Some((take.i64()?, take.i64()?));
    }
    take.text()?.clone_into(&mut header.customer);
    let rejected = take.u32()?;
    header.rejected = take_rejected(&mut take, rejected)?;
    let attributes = take.u32()?;
    header.attributes = take_attributes(&mut take, attributes)?;
    take.end()?;
    Ok(header)
}

/// Ascending indexes as the gaps between them.
pub(crate) fn put_rejected(out: &mut Vec<u8>, rejected: &[u32]) {
    let mut next = 0;
    for &index in rejected {
        out.put_varint(index.saturating_sub(next));
        next = index.saturating_add(1);
    }
}

pub(crate) fn put_attributes(out: &mut Vec<u8>, attributes: &[(String, Bytes)]) {
    for (name, value) in attributes {
        out.put_text(name);
        out.put_blob(value);
    }
}

pub(crate) fn take_rejected(take: &mut Take<'_>, n: u32) -> Result<Vec<u32>, Malformed> {
    let mut indexes = Vec::with_capacity((n as usize).min(take.0.len()));
    let mut next = 0u32;
    for _ in 0..n {
        let index = next.checked_add(take.varint()?).ok_or(Malformed)?;
        indexes.push(index);
        next = index.checked_add(1).ok_or(Malformed)?;
    }
    Ok(indexes)
}

pub(crate) fn take_attributes(take: &mut Take<'_>, n: u32) -> Result<Vec<(String, Bytes)>, Malformed> {
    let one = |_| Ok((take.text()?.to_owned(), Bytes::copy_from_slice(take.blob()?)));
    if n as usize > MAX_ATTRIBUTES.0 { Err(Malformed) } else { (0..n).map(one).collect() }
}

#[cfg(test)]
mod tests;
