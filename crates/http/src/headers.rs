//! Headers that mean the same at every door.

use hyper::HeaderMap;
use hyper::header::HeaderName;

use crate::inflate::Coding;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key in characters.
const MAX_KEY: usize = 255;

/// Why a header cannot be used: the same request fails again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is malformed.
    Malformed(String),
    /// It names something that is not known here.
    Unsupported(String),
}

/// The only value of a header; two of them would leave open which one counts.
///
/// # Errors
/// The header stands twice.
pub fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, Unfit> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.as_bytes());
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Unfit::Malformed(format!("the header `{name}` stands twice"))),
    }
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters.
///
/// # Errors
/// It stands twice, or is none.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Unfit> {
    let Some(key) = single(headers, &KEY)? else { return Ok(None) };
    let visible = key.iter().all(u8::is_ascii_graphic);
    if (1..=MAX_KEY).contains(&key.len()) && visible {
        return Ok(Some(String::from_utf8_lossy(key).into_owned()));
    }
    let reason = format!("the header `idempotency-key` must be 1 to {MAX_KEY} visible ASCII characters");
    Err(Unfit::Malformed(reason))
}

/// How a body is compressed, by the header `name` (`content-encoding`, `grpc-encoding`).
///
/// # Errors
/// It stands twice, or names another way.
pub fn coding(headers: &HeaderMap, name: &HeaderName) -> Result<Coding, Unfit> {
    let value = single(headers, name)?.unwrap_or(b"identity");
    match String::from_utf8_lossy(value).trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Coding::Identity),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        "deflate" => Ok(Coding::Deflate),
        "zstd" => Ok(Coding::Zstd),
        _ => Err(Unfit::Unsupported(format!("the {name} must be gzip, zstd, deflate or identity"))),
    }
}
