//! RFC 3339, section 5.6, read at fixed places.

use super::{END, NANOS, Stamp, TimeError, Timestamp, civil};

/// What stands between the digits, with a zero for each digit.
const DATE: u64 = u64::from_le_bytes(*b"0000-00-");
const TIME: u64 = u64::from_le_bytes(*b"00T00:00");
/// The bit that makes a `t` of the `T`.
const SMALL_T: u64 = 0x20 << 16;
/// Added to the digits' values these set a byte's high bit for a value above 9, or above 0 where no digit stands.
const DATE_ROOM: u64 = u64::from_le_bytes([0x76, 0x76, 0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f]);
const TIME_ROOM: u64 = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
const HIGH: u64 = (u64::MAX / 255) << 7;

#[inline]
pub(super) fn stamp(text: &[u8]) -> Result<Stamp, TimeError> {
    let (date, rest) = text.split_first_chunk::<8>().ok_or(TimeError::Form)?;
    let (time, rest) = rest.split_first_chunk::<8>().ok_or(TimeError::Form)?;
    let ([b':', tens, ones], rest) = rest.split_first_chunk::<3>().ok_or(TimeError::Form)? else {
        return Err(TimeError::Form);
    };
    let time = u64::from_le_bytes(*time);
    let upper = time & SMALL_T == 0;
    let date = pairs(u64::from_le_bytes(*date), DATE, DATE_ROOM)?;
    let time = pairs(time & !SMALL_T, TIME, TIME_ROOM)?;
    let second = digit(*tens)? * 10 + digit(*ones)?;
    let year = pair(date, 0) * 100 + pair(date, 2);
    let (month, day) = (pair(date, 5), pair(time, 0));
    let (hour, minute) = (pair(time, 3), pair(time, 6));
    let exists =
        day >= 1 && day <= civil::month_length(year, month) && hour < 24 && minute < 60 && second <= 60;
    if !exists {
        return Err(TimeError::Calendar);
    }
    let local =
        civil::days(year, month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second.min(59));
    if rest == b"Z" {
        return finish(local, second, Fraction::default(), upper);
    }
    let (fraction, rest) = fraction(rest)?;
    let offset = offset(rest)?;
    finish(local - offset, second, fraction, upper && rest == b"Z")
}

#[derive(Clone, Copy, Default)]
struct Fraction {
    nanos: u32,
    digits: u8,
}

#[inline]
fn finish(seconds: i64, second: u32, mut fraction: Fraction, verbatim: bool) -> Result<Stamp, TimeError> {
    let leap = second == 60;
    if leap {
        fraction = Fraction { nanos: NANOS - 1, digits: 9 };
    }
    match u64::try_from(seconds) {
        Ok(seconds) if seconds < END => Ok(Stamp {
            timestamp: Timestamp { seconds, nanos: fraction.nanos },
            digits: fraction.digits,
            verbatim: verbatim && !leap,
        }),
        _ => Err(TimeError::Range),
    }
}

/// Each byte becomes ten times its own digit plus its neighbour's, so that a pair's value stands at its first place.
#[inline]
fn pairs(word: u64, separators: u64, room: u64) -> Result<u64, TimeError> {
    let values = word ^ separators;
    // A byte with its high bit set is caught by the second term, and no sum of the others carries over.
    let over = (values & !HIGH).wrapping_add(room) | values;
    if over & HIGH != 0 {
        return Err(TimeError::Form);
    }
    Ok(values * 10 + (values >> 8))
}

#[inline]
fn pair(pairs: u64, place: u32) -> u32 {
    (pairs >> (place * 8)) as u32 & 0xff
}

#[inline]
fn digit(byte: u8) -> Result<u32, TimeError> {
    let value = byte.wrapping_sub(b'0');
    if value > 9 { Err(TimeError::Form) } else { Ok(u32::from(value)) }
}

fn fraction(text: &[u8]) -> Result<(Fraction, &[u8]), TimeError> {
    let Some((b'.', text)) = text.split_first() else {
        return Ok((Fraction::default(), text));
    };
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match digits {
        0 => Err(TimeError::Form),
        1..=9 => {
            let (text, rest) = text.split_at(digits);
            let value = text.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
            let missing = 9 - digits as u32;
            Ok((Fraction { nanos: value * 10_u32.pow(missing), digits: digits as u8 }, rest))
        }
        _ => Err(TimeError::Fraction),
    }
}

/// Seconds that local time is ahead of UTC.
fn offset(text: &[u8]) -> Result<i64, TimeError> {
    match *text {
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
            if hours > 23 || minutes > 59 {
                return Err(TimeError::Calendar);
            }
            let seconds = i64::from(hours * 3600 + minutes * 60);
            Ok(if sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(TimeError::Form),
    }
}
