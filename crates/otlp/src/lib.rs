//! OpenTelemetry logs on the wire (OTLP 1.9, protobuf and JSON).
//!
//! [`check`] counts a request at the door, before it is stored as it came; [`read`] decodes the stored bytes later.
//! Both drive the same walk, so that they cannot disagree. [`to_protobuf`] makes a JSON request protobuf, [`split`] cuts
//! one that is too large for a message, [`Status`] is what a receiver answers.
//!
//! The crate is pure: no clock, no files, no network, no global state.

mod answer;
mod base64;
mod check;
mod error;
mod json;
mod limits;
mod read;
mod severity;
mod split;
#[cfg(test)]
mod testing;
mod value;
mod walk;
mod wire;

pub use answer::{SUCCESS_JSON, SUCCESS_PROTOBUF, Status};
pub use check::{Summary, check};
pub use error::Invalid;
pub use json::to_protobuf;
pub use limits::{Limits, MAX_NESTING};
pub use read::{Attributes, Id, Record, RecordReader, Resource, Scope, Visitor, locate, read};
pub use severity::severity_name;
pub use split::{Part, split};
pub use value::{Array, Kvlist, Text, Value};

/// The queue's number for payloads that are a protobuf `ExportLogsServiceRequest` (`crates/queue/FORMAT.md`).
pub const ENCODING: u8 = 4;
