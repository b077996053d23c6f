//! The web-log record: one parser for each wire format, used at the door and by every consumer.
//!
//! [`validate`] checks and counts a body before it is stored as it came; [`Records`] walks the stored body later
//! and renders each record as an NDJSON line. Both drive the same parser, so they cannot disagree.
//!
//! The crate is pure: no clock, no files, no network, no global state, and no allocation for each record.

mod csv;
mod customer;
mod error;
mod fault;
mod fields;
mod json;
mod limits;
mod records;
mod scan;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod validate;

pub use customer::{Customer, CustomerError};
pub use error::{Excess, Invalid, RecordError};
pub use limits::{Format, Limits, MAX_COLUMN_NAME, MAX_COLUMNS, MAX_METHOD, MAX_NESTING, MAX_PATH};
pub use records::{Accepted, Record, Records, Scratch, Undecoded};
pub use text::Text;
pub use time::{HourPath, TimeError, Timestamp};
pub use validate::{MAX_ERRORS, Mode, Summary, validate};
