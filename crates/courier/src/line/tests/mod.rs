mod any;

use super::{Format, number, text, time, write};
use crate::testing::{Cell, Cells, encoded, read};

fn line(cells: &Cells, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    read([&encoded(0, ("", ""), cells)[..]], |row| write(row, format, &mut out)).unwrap();
    out
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

/// What the documented examples have in common.
fn documented(id: &str, operation: &str, uri: &str, host_id: &str) -> Cells {
    let user = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    let mut cells: Cells = Default::default();
    for (at, text) in [
        (0, user),
        (1, "amzn-s3-demo-bucket1"),
        (3, "192.0.2.3"),
        (4, user),
        (5, id),
        (6, operation),
        (8, uri),
        (16, "S3Console/0.4"),
        (18, host_id),
        (19, "SigV4"),
        (20, "ECDHE-RSA-AES128-GCM-SHA256"),
        (21, "AuthHeader"),
        (22, "amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com"),
        (23, "TLSV1.2"),
        (26, "us-east-1"),
    ] {
        cells[at] = Some(text.into());
    }
    cells[2] = Some(Cell::Time(1_549_411_238_000));
    cells[9] = Some(Cell::Number(200));
    cells
}

#[test]
fn the_documented_examples() {
    let mut all = Vec::new();
    let mut cells = documented(
        "3E57427F3EXAMPLE",
        "REST.GET.VERSIONING",
        "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1",
        "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=",
    );
    (cells[11], cells[13]) = (Some(Cell::Number(113)), Some(Cell::Float(7.0)));
    cells[24] = Some("arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP".into());
    cells[25] = Some("Yes".into());
    all.extend(line(&cells, Format::Aws27));
    let mut cells = documented(
        "891CE47D2EXAMPLE",
        "REST.GET.LOGGING_STATUS",
        "GET /amzn-s3-demo-bucket1?logging HTTP/1.1",
        "9vKBE6vMhrNiWHZmb2L0mXOcqPGzQOI5XLnCtZNPxev+Hf+7tpT6sxDwDty4LHBUOZJG96N1234=",
    );
    (cells[11], cells[13]) = (Some(Cell::Number(242)), Some(Cell::Float(11.0)));
    all.extend(line(&cells, Format::Aws27));
    let mut cells = documented(
        "A1206F460EXAMPLE",
        "REST.GET.BUCKETPOLICY",
        "GET /amzn-s3-demo-bucket1?policy HTTP/1.1",
        "BNaBsXZQQDbssi6xMBdBU2sLt+Yf5kZDmeBUP35sFoKa3sLLeMC78iwEIWxs99CRUrbS4n11234=",
    );
    (cells[9], cells[10]) = (Some(Cell::Number(404)), Some("NoSuchBucketPolicy".into()));
    (cells[11], cells[13]) = (Some(Cell::Number(297)), Some(Cell::Float(38.0)));
    cells[25] = Some("Yes".into());
    all.extend(line(&cells, Format::Aws27));
    let mut cells = documented(
        "DD6CC733AEXAMPLE",
        "REST.PUT.OBJECT",
        "PUT /amzn-s3-demo-bucket1/s3-dg.pdf HTTP/1.1",
        "10S62Zv81kBW7BB6SX4XJ48o6kpcl6LPwEoizZQQxJd5qDSCTLX0TgS37kYUBKQW3+bPdrg1234=",
    );
    (cells[2], cells[7]) = (Some(Cell::Time(1_549_411_317_999)), Some("s3-dg.pdf".into()));
    (cells[11], cells[12]) = (Some(Cell::Number(0)), Some(Cell::Number(4_406_583)));
    (cells[13], cells[14]) = (Some(Cell::Float(41_754.0)), Some(Cell::Float(28.0)));
    (cells[20], cells[25]) = (Some("ECDHE-RSA-AES128-SHA".into()), Some("Yes".into()));
    all.extend(line(&cells, Format::Aws27));
    assert_eq!(String::from_utf8(all).unwrap(), include_str!("documented.log"));
}

#[test]
fn a_record_without_anything_has_all_its_fields() {
    let line = |format| String::from_utf8(line(&Cells::default(), format)).unwrap();
    let begin = "- - - - - - - - \"-\" - - - - - - \"-\" \"-\" - - - - - - - - -";
    assert_eq!(line(Format::Aws26), format!("{begin}\n"));
    assert_eq!(line(Format::Aws27), format!("{begin} -\n"));
}

#[test]
fn hostile_text_between_quotes() {
    for (bytes, expected) in [
        (&b""[..], r#""-""#),
        (b"-", r#""-""#),
        (b"GET /a b?x-c=%20 HTTP/1.1", r#""GET /a b?x-c=%20 HTTP/1.1""#),
        (br#"a"b\c"#, r#""a\"b\\c""#),
        (b"a\nb\rc\td\x0be\0f\x7fg\x1b[31m", r#""a\nb\rc\td\x0Be\x00f\x7Fg\x1B[31m""#),
        ("größe 日本".as_bytes(), r#""größe 日本""#),
        ("a\u{80}b\u{9f}c\u{2028}d\u{2029}e\u{a0}".as_bytes(), "\"a\\u0080b\\u009Fc\\u2028d\\u2029e\u{a0}\""),
        (b"a\xffb\xe2\x80c", r#""a\xFFb\xE2\x80c""#),
    ] {
        assert_eq!(written(|out| text::quoted(bytes, out)), expected);
    }
}

#[test]
fn hostile_text_without_quotes() {
    for (bytes, expected) in [
        (&b""[..], "-"),
        (b"-", "-"),
        (b"photos/2006/a%20b.jpg", "photos/2006/a%20b.jpg"),
        (br#"a b"c\d"#, r"a%20b%22c\d"),
        (b"a\nb\r\x7f\0", "a%0Ab%0D%7F%00"),
        ("größe日本".as_bytes(), "größe日本"),
        (
            "a\u{85}b\u{a0}c\u{2003}d\u{2028}e\u{3000}".as_bytes(),
            "a%C2%85b%C2%A0c%E2%80%83d%E2%80%A8e%E3%80%80",
        ),
        (b"a\xffb", "a%FFb"),
    ] {
        assert_eq!(written(|out| text::plain(bytes, out)), expected);
    }
}

#[test]
fn numbers() {
    for number in [0, 1, 9, 10, 4_406_583, u64::MAX] {
        assert_eq!(written(|out| number::write(number, out)), number.to_string());
    }
    assert_eq!(written(|out| number::write_unless_0(0, out)), "-");
    assert_eq!(written(|out| number::write_unless_0(10, out)), "10");
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1_234_567.0, "1234567"),
        (16_777_216.0, "16777216"),
        (1e20, "100000000000000000000"),
        (1e-7, "0.0000001"),
        (-3.0, "-3"),
        (f32::NAN, "-"),
        (f32::INFINITY, "-"),
    ] {
        assert_eq!(written(|out| number::write_float(number, out)), expected);
    }
}

#[test]
fn times() {
    for (millis, expected) in [
        (0, "[01/Jan/1970:00:00:00 +0000]"),
        (-1, "[31/Dec/1969:23:59:59 +0000]"),
        (951_782_400_000, "[29/Feb/2000:00:00:00 +0000]"),
        (1_549_411_317_999, "[06/Feb/2019:00:01:57 +0000]"),
        (-62_167_219_200_000, "[01/Jan/0000:00:00:00 +0000]"),
        (253_402_300_799_999, "[31/Dec/9999:23:59:59 +0000]"),
        (253_402_300_800_000, "-"),
        (-62_167_219_200_001, "-"),
        (i64::MIN, "-"),
        (i64::MAX, "-"),
    ] {
        assert_eq!(written(|out| time::write(millis, out)), expected);
    }
}

/// A calendar that counts day by day.
#[test]
fn each_day_of_four_hundred_years() {
    let (mut year, mut month, mut day) = (1900, 0, 1);
    let names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for days in -25_567..120_530_i64 {
        let expected = format!("[{day:02}/{}/{year}:12:00:00 +0000]", &names[month * 3..month * 3 + 3]);
        assert_eq!(written(|out| time::write(days * 86_400_000 + 43_200_000, out)), expected);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = [31, 28 + i32::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        day += 1;
        if day > length {
            (day, month) = (1, month + 1);
        }
        if month == 12 {
            (month, year) = (0, year + 1);
        }
    }
    assert_eq!(year, 2300);
}
