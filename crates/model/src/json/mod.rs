//! JSON records: an array of them, or one a line.

mod bodies;
mod cursor;
pub(crate) mod escape;
mod keys;
mod record;
mod render;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use bodies::{Array, Lines};
pub(crate) use record::{Fields, Scratch};
