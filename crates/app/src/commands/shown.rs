//! Text and numbers as a terminal shows them.

#[cfg(test)]
mod tests;

/// What a terminal can show of a text that a sender controls.
pub(super) fn visible(text: &str) -> String {
    let show =
        |c: char| if matches!(c, '"' | '\'' | '\\') { c.to_string() } else { c.escape_debug().to_string() };
    text.chars().map(show).collect()
}

/// A number with commas: 12,345.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as people read them: 1.2 MB, rounded down.
pub(super) fn bytes(number: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut unit, mut factor) = (None, 1_u64);
    for name in units {
        if number / factor < 1000 {
            break;
        }
        (unit, factor) = (Some(name), factor.saturating_mul(1000));
    }
    match unit {
        None => format!("{number} B"),
        Some(unit) => format!("{}.{} {unit}", number / factor, number % factor / (factor / 10)),
    }
}

/// A time span as people read it: its largest unit, rounded down.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
