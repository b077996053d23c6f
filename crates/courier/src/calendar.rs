//! Dates and times of day in UTC.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Years that have four digits.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

/// A second of the years 0 to 9999.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 0.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    /// Hour, minute, second.
    pub(crate) time: [i64; 3],
}

impl Civil {
    /// The second of a time in milliseconds since 1970; none outside of the years 0 to 9999.
    pub(crate) fn of(millis: i64) -> Option<Self> {
        let (year, month, day) = date(millis.div_euclid(DAY));
        let seconds = millis.rem_euclid(DAY) / 1000;
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60];
        YEARS.contains(&year).then_some(Self { year, month, day, time })
    }
}

/// Year, month (from 0) and day (from 1) of the days since 1970-01-01, in the proleptic Gregorian calendar. Counted in eras of
/// 400 years that begin on the first of March, so that the leap day is a year's last day.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_year_0 = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day = of_era - (365 * of_year_0 + of_year_0 / 4 - of_year_0 / 100);
    let from_march = (5 * day + 2) / 153;
    let month = (from_march + 2) % 12;
    (era * 400 + of_year_0 + i64::from(month < 2), month, day - (153 * from_march + 2) / 5 + 1)
}
