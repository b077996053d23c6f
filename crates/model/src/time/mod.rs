//! Moments of time: RFC 3339 in any offset on the way in, UTC on the way out.

mod civil;
mod parse;
mod write;

#[cfg(test)]
mod tests;

pub use write::HourPath;

/// First second after the year 9999, since 1970-01-01T00:00:00Z.
const END: u64 = 253_402_300_800;
const NANOS: u32 = 1_000_000_000;

/// A moment in UTC, 1970-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    seconds: u64,
    nanos: u32,
}

/// Why a text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not the form of RFC 3339, section 5.6.
    #[error("is not an RFC 3339 time such as 2025-12-28T18:03:05.120Z")]
    Form,
    /// The right form, but for example 30 February or hour 24.
    #[error("names a day or a time of day that does not exist")]
    Calendar,
    /// More than nanoseconds.
    #[error("has more than 9 digits after the second")]
    Fraction,
    /// Valid, but before 1970 or after 9999 in UTC.
    #[error("is outside the years 1970 to 9999 (UTC)")]
    Range,
}

impl Timestamp {
    /// A moment by seconds since 1970-01-01T00:00:00Z and nanoseconds; `None` outside 1970 to 9999 or for
    /// 1,000,000,000 nanoseconds or more.
    #[must_use]
    pub fn new(seconds: u64, nanos: u32) -> Option<Self> {
        (seconds < END && nanos < NANOS).then_some(Self { seconds, nanos })
    }

    /// Reads a date and time of RFC 3339, section 5.6: any offset, `T` or `t`, `Z` or `z`, 0 to 9 digits of
    /// fraction. Second 60 is taken in any minute and means the last nanosecond of second 59.
    ///
    /// # Errors
    /// [`TimeError`] says what does not hold.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        parse::stamp(text.as_bytes()).map(|stamp| stamp.timestamp)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.seconds
    }

    /// Nanoseconds within the second, 0 to 999,999,999.
    #[must_use]
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Microseconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn micros(self) -> i64 {
        (self.seconds * 1_000_000 + u64::from(self.nanos / 1000)).cast_signed()
    }

    /// Whole hours since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn hour(self) -> u32 {
        // The year 9999 ends in hour 70,389,528, which fits by far.
        (self.seconds / 3600) as u32
    }
}

/// A moment and how it was written, so that it can be written again with the digits that came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp {
    pub(crate) timestamp: Timestamp,
    /// Digits after the second, 0 to 9.
    digits: u8,
    /// The text that came is already the text to write.
    pub(crate) verbatim: bool,
}

impl Stamp {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, TimeError> {
        parse::stamp(text)
    }
}
