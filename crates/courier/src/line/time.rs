//! `[06/Feb/2019:00:00:38 +0000]`.

use crate::calendar::Civil;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Appends a time given in milliseconds since 1970. One outside of the years 0 to 9999 is none.
pub(super) fn write(millis: i64, out: &mut Vec<u8>) {
    let Some(Civil { year, month, day, time }) = Civil::of(millis) else {
        out.push(b'-');
        return;
    };
    out.push(b'[');
    two(day, out);
    out.push(b'/');
    out.extend_from_slice(MONTHS.get(month as usize).copied().unwrap_or(b"---"));
    out.push(b'/');
    two(year / 100, out);
    two(year % 100, out);
    for part in time {
        out.push(b':');
        two(part, out);
    }
    out.extend_from_slice(b" +0000]");
}

fn two(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}
