//! Single values of JSON, as the JSON mapping of protobuf reads them.

use super::cursor::{Cursor, number_length};
use crate::base64;
use crate::error::Fault;
use crate::severity::severity_number;

const INTEGER: &str = "an integer is expected, as a number or in quotes";
const DOUBLE: &str = "a number is expected, or \"NaN\", \"Infinity\" or \"-Infinity\"";
const SEVERITY: &str = "a severity is expected, as a number or a name such as \"SEVERITY_NUMBER_INFO\"";

/// An integer, in quotes or not, also one that is written with an exponent or a fraction of zeros.
pub(super) fn integer<T: TryFrom<i128>>(cursor: &mut Cursor<'_>) -> Result<T, Fault> {
    let at = cursor.at;
    let number = if cursor.peek() == Some(b'"') {
        whole(&cursor.string(INTEGER)?)
    } else {
        whole(cursor.number(INTEGER)?.as_bytes())
    };
    let number = number.ok_or_else(|| Fault::new(at, INTEGER))?;
    T::try_from(number).map_err(|_| Fault::new(at, "the integer is out of the field's range"))
}

fn whole(text: &[u8]) -> Option<i128> {
    let text = number_text(text)?;
    text.parse().ok().or_else(|| {
        let number = text.parse::<f64>().ok()?;
        // Beyond it no 64-bit integer lies, and the conversion is exact before it.
        let fits = number.fract() == 0.0 && number.abs() <= 2f64.powi(64);
        fits.then_some(number as i128)
    })
}

fn number_text(text: &[u8]) -> Option<&str> {
    let whole = number_length(text) == Some(text.len());
    if whole { std::str::from_utf8(text).ok() } else { None }
}

pub(super) fn double(cursor: &mut Cursor<'_>) -> Result<f64, Fault> {
    let at = cursor.at;
    let number = if cursor.peek() == Some(b'"') {
        match &*cursor.string(DOUBLE)? {
            b"NaN" => return Ok(f64::NAN),
            b"Infinity" => return Ok(f64::INFINITY),
            b"-Infinity" => return Ok(f64::NEG_INFINITY),
            text => number_text(text).and_then(|text| text.parse().ok()),
        }
    } else {
        cursor.number(DOUBLE)?.parse().ok()
    };
    match number {
        Some(number) if f64::is_finite(number) => Ok(number),
        Some(_) => Err(Fault::new(at, "the number is out of the range of a double")),
        None => Err(Fault::new(at, DOUBLE)),
    }
}

pub(super) fn boolean(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    if cursor.word("true") {
        return Ok(true);
    }
    if cursor.word("false") { Ok(false) } else { Err(cursor.fault("true or false is expected")) }
}

pub(super) fn severity(cursor: &mut Cursor<'_>) -> Result<i32, Fault> {
    let at = cursor.at;
    if cursor.peek() == Some(b'"') {
        let name = cursor.string(SEVERITY)?;
        return severity_number(&name).ok_or_else(|| Fault::new(at, SEVERITY));
    }
    integer(cursor)
}

pub(super) fn bytes(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    const EXPECTED: &str = "bytes are expected, a string in base64";
    let at = cursor.at;
    base64::decode(&cursor.string(EXPECTED)?).ok_or_else(|| Fault::new(at, EXPECTED))
}

pub(super) fn id(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    const EXPECTED: &str =
        "an id is expected, a string of pairs of hexadecimal digits (OTLP does not use base64 here)";
    let at = cursor.at;
    hex(&cursor.string(EXPECTED)?).ok_or_else(|| Fault::new(at, EXPECTED))
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
