//! Counts by minute, hour and day. See README.md.

mod api;
mod question;

pub use api::{Api, MAX_ANSWER, MAX_WINDOWS, Refused, Windows, parse_time, router, write_time};
pub use question::{Answer, By, Distinct, Question, Width, Window};
