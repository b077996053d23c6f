//! The names of severities (OpenTelemetry, "Logs Data Model", "Displaying Severity").

/// The names of 1 to 24. In JSON they stand behind `SEVERITY_NUMBER_`.
const NAMES: [&str; 24] = [
    "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2", "INFO3",
    "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2",
    "FATAL3", "FATAL4",
];

/// The name of a severity number, such as `INFO` for 9; `None` for 0, which is no severity, and for numbers that the
/// specification does not know.
#[must_use]
pub fn severity_name(number: i32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES.get(index).copied()
}

/// The number that a name of the enumeration `SeverityNumber` stands for.
pub(crate) fn severity_number(name: &[u8]) -> Option<i32> {
    let name = name.strip_prefix(b"SEVERITY_NUMBER_")?;
    if name == b"UNSPECIFIED" {
        return Some(0);
    }
    let index = NAMES.iter().position(|known| known.as_bytes() == name)?;
    i32::try_from(index + 1).ok()
}
