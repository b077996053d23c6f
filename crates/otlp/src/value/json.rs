//! Values as JSON (RFC 8259).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{Arguments, Write};

use super::{Text, Value};
use crate::base64;

/// Appends a value; answers how many strings had to be mended. Its recursion is as deep as the value, which the walk
/// has limited.
pub(super) fn write(value: &Value<'_>, out: &mut String) -> u64 {
    match *value {
        Value::Empty => out.push_str("null"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Int(value) => put(out, format_args!("{value}")),
        Value::Double(value) => double(value, out),
        Value::Bytes(bytes) => {
            out.push('"');
            base64::encode(bytes, out);
            out.push('"');
        }
        Value::String(text) => return string(text, out),
        Value::Array(values) => return array(values, out),
        Value::Kvlist(pairs) => return kvlist(pairs, out),
    }
    0
}

/// Writing to a string cannot fail.
fn put(out: &mut String, text: Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn array<'r>(values: impl Iterator<Item = Value<'r>>, out: &mut String) -> u64 {
    let mut mended = 0;
    out.push('[');
    for (index, value) in values.enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        mended += write(&value, out);
    }
    out.push(']');
    mended
}

fn kvlist<'r>(pairs: impl Iterator<Item = (Text<'r>, Value<'r>)>, out: &mut String) -> u64 {
    let mut mended = 0;
    out.push('{');
    for (index, (key, value)) in last_of_each_key(pairs).into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        mended += string(key, out);
        out.push(':');
        mended += write(&value, out);
    }
    out.push('}');
    mended
}

/// The last value of each key, in its place. Keys are compared as they are read.
fn last_of_each_key<'r>(pairs: impl Iterator<Item = (Text<'r>, Value<'r>)>) -> Vec<(Text<'r>, Value<'r>)> {
    let (mut kept, mut places) = (Vec::new(), HashMap::new());
    for (key, value) in pairs {
        let before = places.insert(key.lossy(), kept.len());
        if let Some(replaced) = before.and_then(|place| kept.get_mut(place)) {
            *replaced = None;
        }
        kept.push(Some((key, value)));
    }
    kept.into_iter().flatten().collect()
}

/// The shortest digits that are read as the same number again, with an exponent where there would be many zeros.
fn double(value: f64, out: &mut String) {
    let text = match value {
        value if value.is_nan() => "\"NaN\"".to_owned(),
        f64::INFINITY => "\"Infinity\"".to_owned(),
        f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
        // A finite number has always a text.
        _ => serde_json::to_string(&value).unwrap_or_default(),
    };
    out.push_str(&text);
}

fn string(text: Text<'_>, out: &mut String) -> u64 {
    let text = text.lossy();
    out.push('"');
    let mut rest = &*text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        escape(chars.next().unwrap_or_default(), out);
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
    u64::from(matches!(text, Cow::Owned(_)))
}

fn escape(special: char, out: &mut String) {
    match special {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        other => put(out, format_args!("\\u{:04x}", u32::from(other))),
    }
}
