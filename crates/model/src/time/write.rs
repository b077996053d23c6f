//! Times as text: RFC 3339 in UTC, and the hour as pieces of a path.

use std::str;

use super::{END, Stamp, Timestamp, civil};

impl Timestamp {
    /// Appends the time as RFC 3339 in UTC with `Z`, with `digits` digits after the second (cut, not rounded;
    /// at most 9).
    pub fn write(self, digits: u8, out: &mut Vec<u8>) {
        let days = self.seconds / 86_400;
        let second = self.seconds % 86_400;
        let mut text = *b"0000-00-00T00:00:00";
        let (year, month, day) = civil::date(days);
        set(&mut text, 0, year / 100);
        set(&mut text, 2, year % 100);
        set(&mut text, 5, month);
        set(&mut text, 8, day);
        set(&mut text, 11, second / 3600);
        set(&mut text, 14, second / 60 % 60);
        set(&mut text, 17, second % 60);
        out.extend_from_slice(&text);
        write_fraction(self.nanos, digits, out);
        out.push(b'Z');
    }
}

impl Stamp {
    /// Appends the time in UTC with the digits that came.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.timestamp.write(self.digits, out);
    }
}

fn write_fraction(nanos: u32, digits: u8, out: &mut Vec<u8>) {
    if digits == 0 {
        return;
    }
    let mut text = *b".000000000";
    let mut left = nanos;
    for place in text.iter_mut().skip(1).rev() {
        *place += (left % 10) as u8;
        left /= 10;
    }
    out.extend(text.iter().take(1 + usize::from(digits)));
}

/// Writes a value below 100 at a place. The places and the arrays are constants, so a slip shows in any test.
fn set<const N: usize>(text: &mut [u8; N], place: usize, value: u64) {
    if let Some([tens, ones]) = text.get_mut(place..place + 2) {
        *tens = b'0' + (value / 10 % 10) as u8;
        *ones = b'0' + (value % 10) as u8;
    }
}

/// The pieces of a path that name a UTC hour: `2025-12-28` and `18`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourPath {
    text: [u8; 12],
}

impl HourPath {
    /// The pieces for a number of hours since 1970-01-01T00:00:00Z, such as [`Timestamp::hour`]; `None` after the
    /// year 9999.
    #[must_use]
    pub fn new(hour: u32) -> Option<Self> {
        let hour = u64::from(hour);
        if hour >= END / 3600 {
            return None;
        }
        let mut text = *b"0000-00-0000";
        let (year, month, day) = civil::date(hour / 24);
        set(&mut text, 0, year / 100);
        set(&mut text, 2, year % 100);
        set(&mut text, 5, month);
        set(&mut text, 8, day);
        set(&mut text, 10, hour % 24);
        Some(Self { text })
    }

    /// `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &str {
        str::from_utf8(&self.text[..10]).unwrap_or_default()
    }

    /// `HH`, 00 to 23.
    #[must_use]
    pub fn hour(&self) -> &str {
        str::from_utf8(&self.text[10..]).unwrap_or_default()
    }
}
