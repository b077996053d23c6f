//! Escapes of JSON strings (RFC 8259, section 7), both ways.

use std::borrow::Cow;

use memchr::memchr;

use crate::scan;

/// The text that a valid JSON string means. A lone surrogate becomes U+FFFD; the parser rejects it before.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    if memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape_into(raw, &mut out);
    Cow::Owned(out)
}

pub(crate) fn unescape_into(mut raw: &str, out: &mut String) {
    while let Some((plain, rest)) = memchr(b'\\', raw.as_bytes()).and_then(|at| raw.split_at_checked(at)) {
        out.push_str(plain);
        let (character, length) = decode(rest.as_bytes());
        out.push(character);
        raw = rest.get(length..).unwrap_or_default();
    }
    out.push_str(raw);
}

/// The character of the escape at the start of a text, and the escape's length in bytes.
fn decode(escape: &[u8]) -> (char, usize) {
    match escape.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => decode_unicode(escape),
        Some(&byte) => (char::from(byte), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn decode_unicode(escape: &[u8]) -> (char, usize) {
    let first = unit(escape);
    let second = escape.get(6..).and_then(unit);
    match (first, second) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x10000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        (Some(unit), _) => (char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
        (None, _) => (char::REPLACEMENT_CHARACTER, escape.len().min(6)),
    }
}

/// The UTF-16 unit of a `\uXXXX` at the start of a text.
pub(crate) fn unit(escape: &[u8]) -> Option<u16> {
    let (&[b'\\', b'u', ref hex @ ..], _) = escape.split_first_chunk::<6>()? else {
        return None;
    };
    hex.iter().try_fold(0, |unit, &byte| Some(unit << 4 | char::from(byte).to_digit(16)? as u16))
}

/// Appends a text as the inside of a JSON string.
pub(crate) fn write(mut text: &[u8], out: &mut Vec<u8>) {
    loop {
        let stop = scan::find_stop::<b'\\'>(text);
        let (plain, rest) = text.split_at_checked(stop).unwrap_or((text, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, rest)) = rest.split_first() else { return };
        write_escape(byte, out);
        text = rest;
    }
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let hex = |digit: u8| char::from_digit(u32::from(digit), 16).map_or(b'0', |c| c as u8);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
