//! Kinds of values: what they take, how they are described, and how they get into the tree.

mod accept;
mod describe;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::problem::Spot;
use super::tree::{Destination, Settings};

pub(super) use accept::{Accepted, accept, is_store};
#[cfg(test)]
pub(super) use describe::type_name;
pub(super) use describe::{allowed, json_schema};

/// The type of a setting, its range, and the field that it fills.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Bytes, with or without a unit.
    Size { min: u64, max: u64, set: fn(&mut Settings, u64) },
    /// A whole number.
    Count { min: u32, max: u32, set: fn(&mut Settings, u32) },
    /// A duration, with or without a unit.
    Span { min: Duration, max: Duration, set: fn(&mut Settings, Duration) },
    /// `true` or `false`.
    Switch { set: fn(&mut Settings, bool) },
    /// An IP address and a port.
    Address { set: fn(&mut Settings, SocketAddr) },
    /// The same; empty is none.
    OptionalAddress { set: fn(&mut Settings, Option<SocketAddr>) },
    /// A file or folder on this machine.
    Path { set: fn(&mut Settings, PathBuf) },
    /// The same, or the URL of an object store.
    Destination { set: fn(&mut Settings, Destination) },
    /// A path; empty is none.
    OptionalPath { set: fn(&mut Settings, Option<PathBuf>) },
    /// Text that `good` takes; `allowed` says what that is.
    Text { allowed: &'static str, good: fn(&str) -> bool, set: fn(&mut Settings, String) },
    /// A name that a topic can have.
    Name { set: fn(&mut Settings, String) },
    /// One of these.
    OneOf { choices: &'static [Choice] },
    /// A list of at least one of these.
    AnyOf { choices: &'static [Choice] },
}

/// A value that can be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    name: &'static str,
    effect: Effect,
}

#[derive(Clone, Copy, Debug)]
enum Effect {
    Set(fn(&mut Settings)),
    Absent(&'static str),
}

impl Choice {
    pub(super) const fn offered(name: &'static str, set: fn(&mut Settings)) -> Self {
        Self { name, effect: Effect::Set(set) }
    }

    /// A value that is known and refused, with the reason: it `is not in this build`.
    pub(super) const fn absent(name: &'static str, why: &'static str) -> Self {
        Self { name, effect: Effect::Absent(why) }
    }
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In a flag or a variable, where everything is text.
    Argument,
    /// In YAML without quotes, where `5` is a number and `true` is not text.
    Plain,
    /// In YAML in quotes or as a block, where everything is text.
    Quoted,
}

/// One value as a source wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) form: Form,
    /// Its place in a file.
    pub(super) spot: Option<Spot>,
}

impl Scalar {
    pub(super) fn argument(text: impl Into<String>) -> Self {
        Self { text: text.into(), form: Form::Argument, spot: None }
    }

    /// Whether YAML reads it as no value at all.
    pub(super) fn is_null(&self) -> bool {
        self.form == Form::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// What a source wrote for a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    One(Scalar),
    Many(Vec<Scalar>),
}
