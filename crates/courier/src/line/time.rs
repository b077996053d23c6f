//! `[06/Feb/2019:00:00:38 +0000]`.

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Years that have four digits.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

/// Appends a time given in milliseconds since 1970. One outside of the years 0 to 9999 is none.
pub(super) fn write(millis: i64, out: &mut Vec<u8>) {
    let (year, month, day) = date(millis.div_euclid(DAY));
    if !YEARS.contains(&year) {
        out.push(b'-');
        return;
    }
    let seconds = millis.rem_euclid(DAY) / 1000;
    out.push(b'[');
    two(day, out);
    out.push(b'/');
    out.extend_from_slice(MONTHS.get(month as usize).copied().unwrap_or(b"---"));
    out.push(b'/');
    two(year / 100, out);
    two(year % 100, out);
    for part in [seconds / 3600, seconds / 60 % 60, seconds % 60] {
        out.push(b':');
        two(part, out);
    }
    out.extend_from_slice(b" +0000]");
}

fn two(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
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
