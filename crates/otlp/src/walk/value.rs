//! Values and pairs of a key and a value. The recursion is as deep as the limit on nesting, twice over.

use super::fields::{list, pair, value};
use super::visit::{Kind, Scalar, Values};
use crate::error::Fault;
use crate::wire::{Reader, too_deep};

#[inline(always)]
pub(super) fn key_value<'a, V: Values<'a>>(
    mut reader: Reader<'a>,
    nesting: u32,
    slot: V::Slot,
    values: &mut V,
) -> Result<(), Fault> {
    while let Some(tag) = reader.tag()? {
        match tag {
            pair::KEY => values.key(slot, reader.bytes()?),
            pair::VALUE => any_value(reader.message()?, nesting, slot, values)?,
            _ => reader.unknown(tag, pair::KNOWN, nesting)?,
        }
    }
    Ok(())
}

#[inline(always)]
pub(super) fn any_value<'a, V: Values<'a>>(
    mut reader: Reader<'a>,
    nesting: u32,
    slot: V::Slot,
    values: &mut V,
) -> Result<(), Fault> {
    while let Some(tag) = reader.tag()? {
        match tag {
            value::STRING => values.scalar(slot, Scalar::String(reader.bytes()?)),
            value::BOOL => values.scalar(slot, Scalar::Bool(reader.varint()? != 0)),
            value::INT => values.scalar(slot, Scalar::Int(reader.varint()? as i64)),
            value::DOUBLE => values.scalar(slot, Scalar::Double(f64::from_bits(reader.fixed64()?))),
            value::BYTES_VALUE => values.scalar(slot, Scalar::Bytes(reader.bytes()?)),
            value::ARRAY => elements(&mut reader, Kind::Array, nesting, slot, values)?,
            value::KVLIST => elements(&mut reader, Kind::Kvlist, nesting, slot, values)?,
            _ => reader.unknown(tag, value::KNOWN, nesting)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn elements<'a, V: Values<'a>>(
    outer: &mut Reader<'a>,
    kind: Kind,
    nesting: u32,
    slot: V::Slot,
    values: &mut V,
) -> Result<(), Fault> {
    let mut reader = outer.message()?;
    let Some(nesting) = nesting.checked_sub(1) else { return Err(too_deep(reader.at())) };
    values.list(slot, kind);
    while let Some(tag) = reader.tag()? {
        match tag {
            list::VALUES => {
                let message = reader.message()?;
                let element = values.element(slot);
                match kind {
                    Kind::Array => any_value(message, nesting, element, values)?,
                    Kind::Kvlist => key_value(message, nesting, element, values)?,
                }
            }
            _ => reader.unknown(tag, list::KNOWN, nesting)?,
        }
    }
    Ok(())
}
