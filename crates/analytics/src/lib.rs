//! Counts by minute, hour and day. See README.md.

mod analytics;
mod api;
mod config;
mod core;
mod ends;
mod events;
mod keeper;
mod question;
mod recount;
mod sink;
mod store;
mod summaries;
mod writer;

pub use analytics::{Analytics, AnalyticsError, Figures};
pub use api::{Api, MAX_ANSWER, MAX_WINDOWS, Refused, Windows, parse_time, router, write_time};
pub use config::AnalyticsConfig;
pub use question::{Answer, By, Distinct, Question, Width, Window};
pub use recount::Recount;
pub use store::Recounted;
