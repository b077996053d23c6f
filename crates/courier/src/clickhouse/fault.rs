//! What ClickHouse's errors mean for who asked.
//!
//! Source: ClickHouse, `src/Common/ErrorCodes.cpp`.

use logmill_queue::{Class, QueueError};
use reqwest::StatusCode;
use url::Url;

/// Codes that the same statement gets again until somebody changes something: unknown names (36, 47, 60, 81), types (6, 27, 41, 43, 53, 70), syntax (62),
/// settings (115), a user who may only read (164), wrong users and missing rights (192 to 194, 497, 516).
const LASTING: [u32; 18] = [6, 27, 36, 41, 43, 47, 53, 60, 62, 70, 81, 115, 164, 192, 193, 194, 497, 516];

/// The error of an answer that is none. Everything that is not known passes, with time or another server.
pub(super) fn of(url: &Url, status: StatusCode, words: &str) -> QueueError {
    let code = words.strip_prefix("Code: ").and_then(|rest| rest.split('.').next()?.parse().ok());
    let lasts = code.is_some_and(|code| LASTING.contains(&code));
    let class = if lasts { Class::Invalid } else { Class::Unavailable };
    QueueError::new(class, format!("ClickHouse at {url} answers {}: {words}", status.as_u16()))
}
