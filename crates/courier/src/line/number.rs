//! Numbers. They come in little-endian.

use std::io::Write;

/// Bytes of another length are none of the kind; rows have none.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

pub(super) fn unsigned(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(fixed(bytes))
}

pub(super) fn signed(bytes: &[u8]) -> i64 {
    i64::from_le_bytes(fixed(bytes))
}

pub(super) fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(fixed(bytes))
}

pub(super) fn write(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

pub(super) fn write_unless_0(number: u64, out: &mut Vec<u8>) {
    if number == 0 { out.push(b'-') } else { write(number, out) }
}

/// The shortest decimal that reads back as the same number, without an exponent. What is no number of milliseconds is none.
pub(super) fn write_float(number: f32, out: &mut Vec<u8>) {
    if !number.is_finite() {
        out.push(b'-');
    } else if number.fract() == 0.0 && (0.0..16_777_216.0).contains(&number) {
        // Nearly all of them, and ten times as fast.
        write(number as u64, out);
    } else {
        // Writing into memory cannot fail.
        let _ = write!(out, "{number}");
    }
}
