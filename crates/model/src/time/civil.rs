//! Days and dates of the Gregorian calendar, after Howard Hinnant's "chrono-compatible low-level date algorithms".
//! Years begin in March there, so that the leap day is the last of its year.

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: u32 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA: u32 = 146_097;

/// Days from the first of March to the first of each month; there is no month 0, nor 13 to 15.
const BEFORE: [u32; 16] = [0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 0, 0, 0];
/// Days of each month, of February in a year without a leap day.
const LENGTH: [u32; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

/// Days from 1970-01-01 to a valid date of the years 0 to 9999; negative before.
#[inline]
pub(super) fn days(year: u32, month: u32, day: u32) -> i64 {
    // An era is added and taken off again, so that January of year 0 needs no negative year.
    let year = year + 400 - u32::from(month <= 2);
    let century = year / 100;
    let leap_days = year / 4 - century + century / 4;
    let days = year * 365 + leap_days + BEFORE[month as usize & 15] + day - 1;
    i64::from(days) - i64::from(EPOCH + ERA)
}

/// Year, month and day of a number of days since 1970-01-01.
pub(super) fn date(days: u64) -> (u64, u64, u64) {
    let days = days + u64::from(EPOCH);
    let (era, of_era) = (days / u64::from(ERA), days % u64::from(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// Days of a month; 0 for a month that does not exist.
#[inline]
pub(super) fn month_length(year: u32, month: u32) -> u32 {
    if month == 2 && year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) {
        return 29;
    }
    if month < 16 { LENGTH[month as usize & 15] } else { 0 }
}
