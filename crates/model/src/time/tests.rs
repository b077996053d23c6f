use super::{HourPath, Stamp, TimeError, Timestamp, civil};

/// What a time is written as, or why it is none.
fn check(text: &str, expect: Result<&str, TimeError>) {
    let written = Stamp::parse(text.as_bytes()).map(|stamp| {
        let mut out = Vec::new();
        stamp.write(&mut out);
        let written = String::from_utf8(out).unwrap();
        assert_eq!(stamp.verbatim, written == text, "verbatim of {text:?}");
        written
    });
    assert_eq!(written.as_deref().map_err(|e| *e), expect, "{text:?}");
}

fn same(text: &str) {
    check(text, Ok(text));
}

#[test]
fn utc_stays_as_it_came() {
    same("2025-12-28T18:03:05Z");
    same("2025-12-28T18:03:05.1Z");
    same("2025-12-28T18:03:05.120Z");
    same("2025-12-28T18:03:05.000000000Z");
    same("2025-12-28T18:03:05.123456789Z");
    same("1970-01-01T00:00:00Z");
    same("9999-12-31T23:59:59.999999999Z");
    same("2024-02-29T00:00:00Z");
    same("2000-02-29T00:00:00Z");
}

#[test]
fn offsets_and_small_letters_become_utc() {
    check("2025-12-28t18:03:05z", Ok("2025-12-28T18:03:05Z"));
    check("2025-12-28T18:03:05z", Ok("2025-12-28T18:03:05Z"));
    check("2025-12-28T18:03:05.120+02:00", Ok("2025-12-28T16:03:05.120Z"));
    check("2025-12-31T23:30:00-05:30", Ok("2026-01-01T05:00:00Z"));
    check("2025-12-28T18:03:05-00:00", Ok("2025-12-28T18:03:05Z"));
    check("2025-03-01T00:00:00+23:59", Ok("2025-02-28T00:01:00Z"));
}

#[test]
fn the_range_is_of_utc() {
    check("1969-12-31T23:30:00-01:00", Ok("1970-01-01T00:30:00Z"));
    check("1970-01-01T00:30:00+01:00", Err(TimeError::Range));
    check("9999-12-31T23:59:59-00:01", Err(TimeError::Range));
    check("0000-01-01T00:00:00Z", Err(TimeError::Range));
    check("0000-02-29T00:00:00Z", Err(TimeError::Range));
    check("1969-12-31T23:59:60Z", Err(TimeError::Range));
}

#[test]
fn second_60_is_the_end_of_second_59() {
    check("2016-12-31T23:59:60Z", Ok("2016-12-31T23:59:59.999999999Z"));
    check("2016-12-31T12:30:60.5Z", Ok("2016-12-31T12:30:59.999999999Z"));
    check("9999-12-31T23:59:60Z", Ok("9999-12-31T23:59:59.999999999Z"));
    check("2016-12-31T23:59:60+01:00", Ok("2016-12-31T22:59:59.999999999Z"));
    check("2016-12-31T23:59:61Z", Err(TimeError::Calendar));
}

#[test]
fn what_does_not_exist() {
    for text in
        ["2025-02-29", "1900-02-29", "2025-04-31", "2025-13-01", "2025-00-10", "2025-01-00", "2025-01-32"]
    {
        check(&format!("{text}T00:00:00Z"), Err(TimeError::Calendar));
    }
    check("2025-01-01T24:00:00Z", Err(TimeError::Calendar));
    check("2025-01-01T00:60:00Z", Err(TimeError::Calendar));
    check("2025-01-01T00:00:00+24:00", Err(TimeError::Calendar));
    check("2025-01-01T00:00:00+00:60", Err(TimeError::Calendar));
}

#[test]
fn what_is_no_time() {
    let forms = [
        "",
        "Z",
        "2025-12-28",
        "2025-12-28T18:03Z",
        "2025-12-28T18:03:05",
        "2025-12-28 18:03:05Z",
        "2025-12-28T18:03:05.Z",
        "2025-12-28T18:03:05,5Z",
        "2025-12-28T18:03:05Z ",
        " 2025-12-28T18:03:05Z",
        "2025-12-28T18:03:05+0200",
        "2025-12-28T18:03:05+02",
        "2025/12/28T18:03:05Z",
        "2025-12-28T18.03:05Z",
        "2025-12-28T18:03:0/Z",
        "2025-12-28T18:03:5:Z",
        "202:-12-28T18:03:05Z",
        "+025-12-28T18:03:05Z",
        "2025-12-28T18:03:05ZZ",
        "2025-12-2é18:03:05Z",
        "12025-12-28T18:03:05Z",
        "2025-12-28T18:03;05Z",
    ];
    for text in forms {
        check(text, Err(TimeError::Form));
    }
    check("2025-12-28T18:03:05.1234567890Z", Err(TimeError::Fraction));
}

/// Each byte at each place: only what the grammar names is taken, whatever the word arithmetic does.
#[test]
fn no_other_byte_passes_for_a_digit_or_a_separator() {
    let text = b"2021-11-11T11:11:11Z";
    for place in 0..text.len() {
        for byte in 0..=255u8 {
            let mut changed = *text;
            changed[place] = byte;
            let is_digit = text[place].is_ascii_digit() && byte.is_ascii_digit();
            let letter = text[place].is_ascii_alphabetic() && byte.eq_ignore_ascii_case(&text[place]);
            let form = is_digit || letter || byte == text[place];
            let result = Stamp::parse(&changed).map(|_| ());
            assert_eq!(result != Err(TimeError::Form), form, "{byte:#x} at {place}: {result:?}");
        }
    }
}

#[test]
fn days_and_dates_agree_over_all_years() {
    let mut expect = civil::days(1970, 1, 1);
    assert_eq!(expect, 0);
    for year in 1970..=9999 {
        for month in 1..=12 {
            for day in 1..=civil::month_length(year, month) {
                assert_eq!(civil::days(year, month, day), expect);
                let date = civil::date(expect.cast_unsigned());
                assert_eq!(date, (u64::from(year), u64::from(month), u64::from(day)));
                expect += 1;
            }
        }
    }
    assert_eq!(expect * 86_400, super::END.cast_signed());
}

#[test]
fn units() {
    // 1766944985 is `date -u -d 2025-12-28T18:03:05Z +%s`.
    let time = Timestamp::parse("2025-12-28T18:03:05.123456789Z").unwrap();
    assert_eq!((time.seconds(), time.nanos()), (1_766_944_985, 123_456_789));
    assert_eq!(time.micros(), 1_766_944_985_123_456);
    assert_eq!(time.hour(), 1_766_944_985 / 3600);
    assert_eq!(Timestamp::new(1_766_944_985, 123_456_789), Some(time));
    assert_eq!(Timestamp::new(super::END, 0), None);
    assert_eq!(Timestamp::new(0, 1_000_000_000), None);
}

#[test]
fn an_hour_as_a_path() {
    let hour = Timestamp::parse("2025-12-28T18:03:05Z").unwrap().hour();
    let path = HourPath::new(hour).unwrap();
    assert_eq!((path.date(), path.hour()), ("2025-12-28", "18"));
    let last = HourPath::new((super::END / 3600) as u32 - 1).unwrap();
    assert_eq!((last.date(), last.hour()), ("9999-12-31", "23"));
    assert_eq!(HourPath::new((super::END / 3600) as u32), None);
}
