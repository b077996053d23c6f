//! A request in OTLP's JSON encoding, written as protobuf of the same content (OTLP 1.9, "JSON Protobuf Encoding").

mod cursor;
mod scalar;
mod schema;

#[cfg(test)]
mod tests;

use crate::error::{Fault, Inside, Invalid};
use crate::limits::Limits;
use crate::wire::{Writer, too_deep};
use cursor::Cursor;
use schema::{ANY_VALUE, Field, Kind, Message, REQUEST};

/// The protobuf form of a JSON request; it is never longer, and [`check`](crate::check) takes it under the same limit
/// on nesting. Unknown names are ignored, `null` is as if the name were not there. A name that stands twice is treated
/// as protobuf treats a field that stands twice: lists go on, messages merge, otherwise the last one counts.
///
/// # Errors
/// The first place that is no JSON, has another type than its field, or is nested too deep.
pub fn to_protobuf(body: &[u8], limits: &Limits) -> Result<Vec<u8>, Invalid> {
    let mut cursor = Cursor::new(body);
    let mut out = Writer::default();
    message(&mut cursor, &REQUEST, limits.nesting(), &mut out)?;
    if cursor.peek().is_some() {
        return Err(Invalid::from(cursor.fault("something stands behind the request")));
    }
    Ok(out.into_bytes())
}

/// Its recursion is as deep as the limit on nesting, three times over.
fn message(cursor: &mut Cursor<'_>, schema: &Message, nesting: u32, out: &mut Writer) -> Result<(), Fault> {
    cursor.object(|cursor, name| match schema.field(name) {
        None => cursor.skip(),
        Some(_) if cursor.word("null") => Ok(()),
        Some(field) if field.repeated => list(cursor, field, nesting, out),
        Some(field) => value(cursor, field, nesting, out).inside(field.name),
    })
}

fn list(cursor: &mut Cursor<'_>, field: &Field, nesting: u32, out: &mut Writer) -> Result<(), Fault> {
    let mut fault_inside = false;
    let result = cursor.list(|cursor, index| {
        let element = if cursor.word("null") {
            absent(field, out);
            Ok(())
        } else {
            value(cursor, field, nesting, out)
        };
        fault_inside = element.is_err();
        element.inside_element(field.name, index)
    });
    if fault_inside { result } else { result.inside(field.name) }
}

/// A `null` in a list: nothing, but for the values of an array, whose places count.
fn absent(field: &Field, out: &mut Writer) {
    if matches!(field.kind, Kind::Message(message) if std::ptr::eq(message, &ANY_VALUE)) {
        out.string(field.number, b"");
    }
}

fn value(cursor: &mut Cursor<'_>, field: &Field, nesting: u32, out: &mut Writer) -> Result<(), Fault> {
    let number = field.number;
    match field.kind {
        Kind::Text => out.string(number, &cursor.string("a string is expected")?),
        Kind::Bool => out.number(number, u64::from(scalar::boolean(cursor)?)),
        Kind::Int64 => out.number(number, scalar::integer::<i64>(cursor)? as u64),
        Kind::Uint32 => out.number(number, u64::from(scalar::integer::<u32>(cursor)?)),
        Kind::Fixed32 => out.fixed32(number, scalar::integer(cursor)?),
        Kind::Fixed64 => out.fixed64(number, scalar::integer(cursor)?),
        Kind::Double => out.fixed64(number, scalar::double(cursor)?.to_bits()),
        Kind::Severity => out.number(number, scalar::severity(cursor)? as u64),
        Kind::Base64 => out.string(number, &scalar::bytes(cursor)?),
        Kind::Hex => out.string(number, &scalar::id(cursor)?),
        Kind::Message(schema) => return nested(cursor, number, schema, nesting, out),
        Kind::List(schema) => {
            let Some(nesting) = nesting.checked_sub(1) else { return Err(too_deep(cursor.at)) };
            return nested(cursor, number, schema, nesting, out);
        }
    }
    Ok(())
}

fn nested(
    cursor: &mut Cursor<'_>,
    number: u32,
    schema: &Message,
    nesting: u32,
    out: &mut Writer,
) -> Result<(), Fault> {
    let open = out.open(number);
    message(cursor, schema, nesting, out)?;
    out.close(open);
    Ok(())
}
