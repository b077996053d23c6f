use super::*;

fn unknown(meant: Option<&str>) -> UnitError {
    UnitError::NoUnit { meant: meant.map(str::to_owned) }
}

#[test]
fn sizes_are_exact() {
    let cases = [
        ("0", Ok(0)),
        ("1", Ok(1)),
        ("1B", Ok(1)),
        ("10MB", Ok(10_000_000)),
        ("64MiB", Ok(64 * MIB)),
        ("1GiB", Ok(GIB)),
        ("0.5GiB", Ok(GIB / 2)),
        ("1.50KB", Ok(1500)),
        ("2.0", Ok(2)),
        ("1.0009765625KiB", Ok(1025)),
        ("0.0009765625KiB", Ok(1)),
        ("18446744073709551615", Ok(u64::MAX)),
        ("18446744073709551616", Err(UnitError::TooLarge)),
        ("16777216TiB", Err(UnitError::TooLarge)),
        ("99999999999999999999999999999999999999999999GiB", Err(UnitError::TooLarge)),
        ("1.5", Err(UnitError::NotWhole("byte"))),
        ("0.1KiB", Err(UnitError::NotWhole("byte"))),
        ("0.00000000000000000000000000000000000000000001TB", Err(UnitError::NotWhole("byte"))),
        ("", Err(UnitError::NoNumber)),
        ("MiB", Err(UnitError::NoNumber)),
        ("-1", Err(UnitError::NoNumber)),
        (".5GiB", Err(UnitError::NoNumber)),
        ("1.GiB", Err(UnitError::NoNumber)),
        ("1.2.3GiB", Err(UnitError::NoNumber)),
        ("٣", Err(UnitError::NoNumber)),
        ("64mib", Err(unknown(Some("64MiB")))),
        ("64 MiB", Err(unknown(Some("64MiB")))),
        ("64M", Err(unknown(Some("64MiB")))),
        ("1e3", Err(unknown(None))),
        ("10s", Err(unknown(None))),
        ("1_000", Err(unknown(None))),
    ];
    for (text, expected) in cases {
        assert_eq!(size(text), expected, "{text}");
    }
}

#[test]
fn durations_are_exact() {
    let ms = |n| Ok(Duration::from_millis(n));
    let cases = [
        ("200ms", ms(200)),
        ("10s", ms(10_000)),
        ("5m", ms(300_000)),
        ("24h", ms(86_400_000)),
        ("7d", ms(7 * 86_400_000)),
        ("30", ms(30_000)),
        ("1.5", ms(1500)),
        ("0.25s", ms(250)),
        ("0.0001s", Err(UnitError::NotWhole("millisecond"))),
        ("0.5ms", Err(UnitError::NotWhole("millisecond"))),
        ("999999999d", Err(UnitError::TooLarge)),
        ("5min", Err(unknown(Some("5m")))),
        ("5 min", Err(unknown(Some("5m")))),
        ("10S", Err(unknown(Some("10s")))),
        ("1w", Err(unknown(None))),
        ("s", Err(UnitError::NoNumber)),
    ];
    for (text, expected) in cases {
        assert_eq!(duration(text), expected, "{text}");
    }
}

#[test]
fn what_is_shown_is_read_back() {
    for (bytes, text) in [(0, "0B"), (1, "1B"), (1000, "1KB"), (1024, "1KiB"), (1536, "1536B"), (MIB, "1MiB")]
    {
        assert_eq!(show_size(bytes), text);
        assert_eq!(size(text), Ok(bytes));
    }
    for (seconds, text) in [(0, "0ms"), (30, "30s"), (60, "1m"), (90, "90s"), (86_400, "1d")] {
        assert_eq!(show_duration(Duration::from_secs(seconds)), text);
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
    }
}

proptest::proptest! {
    #[test]
    fn any_size_survives_its_text(bytes: u64) {
        assert_eq!(size(&show_size(bytes)), Ok(bytes));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        _ = size(&text);
        _ = duration(&text);
    }
}
