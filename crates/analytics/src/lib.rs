//! Counts by minute, hour and day. See README.md.

mod question;

pub use question::{Answer, By, Distinct, Question, Width, Window};
