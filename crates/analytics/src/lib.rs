//! Counts by minute, hour and day. See README.md.

mod analytics;
mod api;
mod config;
mod core;
mod events;
mod keeper;
mod question;
mod sink;
mod store;
mod summaries;
mod writer;

pub use analytics::{Analytics, Figures};
pub use api::{Api, MAX_ANSWER, MAX_WINDOWS, Refused, Windows, parse_time, router, write_time};
pub use config::AnalyticsConfig;
pub use question::{Answer, By, Distinct, Question, Width, Window};
