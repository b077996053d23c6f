//! SQL over the lake and the hourly files, read-only. See README.md.

mod answer;
mod api;
mod config;
mod engine;
mod error;
mod faults;
pub mod format;
mod judge;
mod lake;
mod metrics;
mod scan;
mod session;
mod statement;
mod stats;
#[cfg(test)]
mod testing;
mod web;

pub use answer::Answer;
pub use api::router;
pub use config::{LakeSource, Limits, Sources, WebSource};
pub use engine::{Engine, Question, STACK};
pub use error::{Limit, QueryError};
pub use metrics::QueryMetrics;
pub use stats::Figures;
pub use web::WEB_LOGS;
