use super::{bytes, grouped, span, visible};

#[test]
fn numbers_are_short_and_never_more_than_there_is() {
    let cases = [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1999, "1.9 kB"),
        (999_999, "999.9 kB"),
        (268_435_456, "268.4 MB"),
        (u64::MAX, "18.4 EB"),
    ];
    for (number, expected) in cases {
        assert_eq!(bytes(number), expected);
    }
    for (seconds, expected) in
        [(59, "59 s"), (60, "1 min"), (7199, "1 h"), (86_400, "1 d"), (1 << 40, "12725829 d")]
    {
        assert_eq!(span(seconds), expected);
    }
    assert_eq!(grouped(1_234_567), "1,234,567");
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    assert_eq!(visible("a\u{1b}[2J\"é"), "a\\u{1b}[2J\"é");
}
