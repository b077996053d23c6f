//! Values as a reader sees them, and as text.

mod json;
mod text;

#[cfg(test)]
mod tests;

use crate::read::{Found, Nodes};
use crate::walk::{Kind, Scalar};

pub use text::Text;

/// A value of any kind (`AnyValue`), borrowed from the request.
#[derive(Clone, Copy, Debug)]
pub enum Value<'r> {
    /// Absent, or without any of the kinds.
    Empty,
    /// A string.
    String(Text<'r>),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number of IEEE 754, also one that is not finite.
    Double(f64),
    /// Bytes.
    Bytes(&'r [u8]),
    /// A list of values.
    Array(Array<'r>),
    /// A list of keys with values; a key may stand twice.
    Kvlist(Kvlist<'r>),
}

impl<'r> From<Found<'r>> for Value<'r> {
    #[inline]
    fn from(found: Found<'r>) -> Self {
        match found {
            Found::Empty => Self::Empty,
            Found::Scalar(Scalar::String(bytes)) => Self::String(Text::new(bytes)),
            Found::Scalar(Scalar::Bool(value)) => Self::Bool(value),
            Found::Scalar(Scalar::Int(value)) => Self::Int(value),
            Found::Scalar(Scalar::Double(value)) => Self::Double(value),
            Found::Scalar(Scalar::Bytes(bytes)) => Self::Bytes(bytes),
            Found::List(Kind::Array, nodes) => Self::Array(Array(nodes)),
            Found::List(Kind::Kvlist, nodes) => Self::Kvlist(Kvlist(nodes)),
        }
    }
}

impl Value<'_> {
    /// Appends the value as text: a string as it is, nothing for an empty value, anything else as JSON. In JSON bytes
    /// are a string of base64, numbers that are not finite the strings `NaN`, `Infinity` and `-Infinity`, an empty
    /// value `null`; a key that stands twice in a list has the last of its values, in that place.
    ///
    /// Answers how many strings and keys were no UTF-8; they have U+FFFD in the places that are none.
    pub fn write_text(&self, out: &mut String) -> u64 {
        match self {
            Self::Empty => 0,
            Self::String(text) => text.write(out),
            _ => json::write(self, out),
        }
    }
}

/// Goes over the values of a list.
#[derive(Clone, Copy, Debug)]
pub struct Array<'r>(Nodes<'r>);

impl<'r> Iterator for Array<'r> {
    type Item = Value<'r>;

    fn next(&mut self) -> Option<Value<'r>> {
        self.0.next().map(|(_, found)| Value::from(found))
    }
}

/// Goes over the keys and values of a list.
#[derive(Clone, Copy, Debug)]
pub struct Kvlist<'r>(Nodes<'r>);

impl<'r> Iterator for Kvlist<'r> {
    type Item = (Text<'r>, Value<'r>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, found)| (Text::new(key), Value::from(found)))
    }
}
