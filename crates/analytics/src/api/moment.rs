//! Times in parameters and answers.

use logmill_model::{TimeError, Timestamp};

/// The last second that RFC 3339 can write.
const LAST: u64 = 253_402_300_799;

/// What [`parse`] takes.
pub(super) const ALLOWED: &str =
    "an RFC 3339 time such as 2025-12-28T18:03:00Z, or YYYY-MM-DD, YYYY-MM-DDTHH or YYYY-MM-DDTHH:MM (UTC)";

/// Reads a time as parameters have it: RFC 3339, or in UTC `2025-12-28`, `2025-12-28T18`, `2025-12-28T18:03`.
///
/// # Errors
/// [`TimeError`] says what does not hold.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let rest = match text.len() {
        10 => "T00:00:00Z",
        13 => ":00:00Z",
        16 => ":00Z",
        _ => "",
    };
    Timestamp::parse(&format!("{text}{rest}"))
}

/// Writes seconds since 1970 as `2025-12-28T18:03:00Z`. The end of the last window of 9999 is written as its last second, which
/// asks for the same windows.
#[must_use]
pub fn write(seconds: u64) -> String {
    let mut text = Vec::new();
    if let Some(time) = Timestamp::new(seconds.min(LAST), 0) {
        time.write(0, &mut text);
    }
    String::from_utf8(text).unwrap_or_default()
}
