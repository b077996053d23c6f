//! Numbers with a unit: sizes in bytes and durations.

use std::time::Duration;

/// 1024 bytes.
pub(super) const KIB: u64 = 1 << 10;
/// 1024 KiB.
pub(super) const MIB: u64 = 1 << 20;
/// 1024 MiB.
pub(super) const GIB: u64 = 1 << 30;
/// 1024 GiB.
pub(super) const TIB: u64 = 1 << 40;

/// A unit: its name, how much it is, and other spellings of which only a hint is given.
type Unit = (&'static str, u64, &'static [&'static str]);

/// Units of sizes in bytes, from small to large.
const SIZES: Scale = Scale {
    units: &[
        ("B", 1, &["byte", "bytes"]),
        ("KB", 1000, &[]),
        ("KiB", KIB, &["k", "ki"]),
        ("MB", 1_000_000, &[]),
        ("MiB", MIB, &["m", "mi"]),
        ("GB", 1_000_000_000, &[]),
        ("GiB", GIB, &["g", "gi"]),
        ("TB", 1_000_000_000_000, &[]),
        ("TiB", TIB, &["t", "ti"]),
    ],
    bare: 1,
    smallest: "byte",
};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

/// Units of durations in nanoseconds. A bare number is seconds.
const DURATIONS: Scale = Scale {
    units: &[
        ("ms", MILLISECOND, &["msec", "millis", "milliseconds"]),
        ("s", SECOND, &["sec", "secs", "second", "seconds"]),
        ("m", 60 * SECOND, &["min", "mins", "minute", "minutes"]),
        ("h", 3600 * SECOND, &["hr", "hrs", "hour", "hours"]),
        ("d", 24 * 3600 * SECOND, &["day", "days"]),
    ],
    bare: SECOND,
    smallest: "millisecond",
};

/// How JSON Schema describes the text of a size.
pub(super) const SIZE_PATTERN: &str = r"^[0-9]+(\.[0-9]+)?(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)?$";
/// How JSON Schema describes the text of a duration.
pub(super) const DURATION_PATTERN: &str = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)?$";

/// Why a text is no number with a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnitError {
    /// It does not begin with a number.
    NoNumber,
    /// What follows the number is no unit; perhaps this spelling was meant.
    NoUnit { meant: Option<String> },
    /// It is finer than what is counted.
    NotWhole(&'static str),
    /// It is larger than anything.
    TooLarge,
}

struct Scale {
    units: &'static [Unit],
    bare: u64,
    smallest: &'static str,
}

impl Scale {
    /// Reads `12`, `12unit` or `1.5unit` exactly, without floating point, as a multiple of `grain`.
    fn parse(&self, text: &str, grain: u64) -> Result<u64, UnitError> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
            return Err(UnitError::NoNumber);
        }
        let factor = self.factor(number, unit)?;
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.parse::<u64>().map_err(|_| UnitError::TooLarge)?;
        let part = part_of(fraction, factor).filter(|part| part % grain == 0);
        let part = part.ok_or(UnitError::NotWhole(self.smallest))?;
        whole.checked_mul(factor).and_then(|n| n.checked_add(part)).ok_or(UnitError::TooLarge)
    }

    fn factor(&self, number: &str, unit: &str) -> Result<u64, UnitError> {
        if unit.is_empty() {
            return Ok(self.bare);
        }
        if let Some((_, factor, _)) = self.units.iter().find(|(name, ..)| *name == unit) {
            return Ok(*factor);
        }
        let wanted = unit.trim().to_ascii_lowercase();
        let near = |(name, _, others): &&Unit| {
            name.eq_ignore_ascii_case(&wanted) || others.contains(&wanted.as_str())
        };
        let meant = self.units.iter().find(near).map(|(name, ..)| format!("{number}{name}"));
        Err(UnitError::NoUnit { meant })
    }

    /// The shortest exact text: the largest unit that leaves no remainder.
    fn show(&self, amount: u64) -> String {
        let fitting = |(_, factor, _): &&Unit| amount >= *factor && amount.is_multiple_of(*factor);
        let best = self.units.iter().filter(fitting).min_by_key(|(_, factor, _)| amount / factor);
        match best {
            Some((unit, factor, _)) => format!("{}{unit}", amount / factor),
            None => format!("0{}", self.units.first().map_or("", |(unit, ..)| unit)),
        }
    }
}

/// `0.<digits>` of `factor`, where that is a whole number. `digits` has no zeros at its end, so a fraction
/// that is too long for the arithmetic is not whole either: no factor has that many twos and fives.
fn part_of(digits: &str, factor: u64) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    let scale = 10_u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let scaled = digits.parse::<u128>().ok()?.checked_mul(u128::from(factor))?;
    (scaled % scale == 0).then_some(scaled / scale).and_then(|part| u64::try_from(part).ok())
}

/// Reads a size; a bare number is bytes.
pub(super) fn size(text: &str) -> Result<u64, UnitError> {
    SIZES.parse(text, 1)
}

/// Reads a duration of whole milliseconds; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, UnitError> {
    DURATIONS.parse(text, MILLISECOND).map(Duration::from_nanos)
}

/// A size as text that [`size`] reads back.
pub(super) fn show_size(bytes: u64) -> String {
    SIZES.show(bytes)
}

/// A duration as text that [`duration`] reads back, to the millisecond.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    DURATIONS.show(millis.saturating_mul(MILLISECOND))
}

/// All units of sizes, for messages.
pub(super) fn size_units() -> String {
    names(&SIZES)
}

/// All units of durations, for messages.
pub(super) fn duration_units() -> String {
    names(&DURATIONS)
}

fn names(scale: &Scale) -> String {
    scale.units.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
