use crate::testing::{check, outcome};
use crate::{Format, Limits};

/// A valid record with further members.
fn with(extra: &str) -> String {
    format!(r#"{{"timestamp":"2025-12-28T18:03:05Z","path":"/","userAgent":""{extra}}}"#)
}

/// One record by itself: in an array and on a line it must mean the same. The space before the line stands for the
/// bracket, so that offsets are the same as well.
fn record(object: &str, expect: Result<&str, &str>) {
    let line = expect.map(|line| [line]);
    let expect = line.as_ref().map(|line| line.as_slice()).map_err(|error| *error);
    check(Format::Json, format!("[{object}]"), expect);
    if !object.contains('\n') {
        check(Format::Ndjson, format!(" {object}"), expect);
    }
}

fn same(object: &str) {
    record(object, Ok(object));
}

#[test]
fn canonical_records_stay() {
    same(&with(""));
    same(r#"{"timestamp":"2025-12-28T18:03:05.120Z","method":"GET","path":"/a?b=c","userAgent":"curl/8"}"#);
    same(&with(
        r#","status":200,"x":1.0,"big":18446744073709551616,"e":-1.5E+10,"n":null,"t":true,"f":false"#,
    ));
    same(&with(r#","nested":{"a":[1,{"b":"]}"},[]],"c":{}}"#));
    same(&with(r#","s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#));
    same(&with(r#","":1,"Timestamp":2,"PATH":3"#));
}

#[test]
fn fields_are_put_in_order() {
    let expect = r#"{"timestamp":"2025-12-28T18:03:05Z","method":"PUT","path":"/","userAgent":"u","a":1,"b":[2],"c":3}"#;
    let orders = [
        r#"{"a":1,"b":[2],"c":3,"userAgent":"u","path":"/","method":"PUT","timestamp":"2025-12-28T18:03:05Z"}"#,
        r#"{"timestamp":"2025-12-28T18:03:05Z","a":1,"method":"PUT","b":[2],"path":"/","c":3,"userAgent":"u"}"#,
        r#"{"receivedAt":"2025-12-28T18:03:05Z","method":"PUT","path":"/","userAgent":"u","a":1,"b":[2],"c":3}"#,
        r#"{"timestamp":"2025-12-28T20:03:05+02:00","method":"PUT","path":"/","userAgent":"u","a":1,"b":[2],"c":3}"#,
        r#"{"t\u0069mestamp":"2025-12-28T18:03:05Z","m\u0065thod":"PUT","path":"/","userAgent":"u","a":1,"b":[2],"c":3}"#,
        r#"{"timestamp":"2025-12-28T18:03:05\u005a","method":"PUT","path":"/","userAgent":"u","a":1,"b":[2],"c":3}"#,
        "  {\t\"timestamp\" : \"2025-12-28T18:03:05Z\" , \"method\":\"PUT\",\"path\":\"/\",\"userAgent\":\"u\",\"a\" : 1 , \"b\":[ 2 ] , \"c\":3\t} ",
    ];
    for object in orders {
        record(object, Ok(expect));
    }
}

#[test]
fn white_space_goes_but_not_inside_strings() {
    let spaced = "{ \"timestamp\":\"2025-12-28T18:03:05Z\",\r\n\t\"path\":\"/ a\",\"userAgent\":\" \", \"k 1\" : { \"a b\" : [ 1 , \"x \\\" y\\\\\" , { } , [ ] ] } }";
    let dense = r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/ a","userAgent":" ","k 1":{"a b":[1,"x \" y\\",{},[]]}}"#;
    record(spaced, Ok(dense));
}

#[test]
fn method_is_a_token_or_absent() {
    record(&with(r#","method":null"#), Ok(&with("")));
    record(&with(r#","method":"M-SEARCH""#), outcome_ok(&with(r#","method":"M-SEARCH""#)));
    let long = "A".repeat(64);
    record(&with(&format!(r#","method":"{long}""#)), outcome_ok(&with(&format!(r#","method":"{long}""#))));
    for bad in ["", " ", "GET ", "a/b", "é", "a\\u0000", "a\\u0020b", &"A".repeat(65)] {
        let error = "0 method: `method` must be an HTTP method (a token of at most 64 bytes)";
        record(&with(&format!(r#","method":"{bad}""#)), Err(error));
    }
    record(&with(r#","method":"\u0047ET""#), outcome_ok(&with(r#","method":"\u0047ET""#)));
}

/// The line that a record out of order becomes: the method stands second.
fn outcome_ok(object: &str) -> Result<&'static str, &'static str> {
    let (head, method) = object.trim_end_matches('}').split_once(",\"method\":").unwrap();
    let (time, rest) = head.split_once(",\"path\"").unwrap();
    Ok(format!("{time},\"method\":{method},\"path\"{rest}}}").leak())
}

#[test]
fn required_fields() {
    record("{}", Err("0 timestamp: `timestamp` is missing"));
    record(r#"{"path":"/","userAgent":""}"#, Err("0 timestamp: `timestamp` is missing"));
    record(r#"{"timestamp":"2025-12-28T18:03:05Z","userAgent":""}"#, Err("0 path: `path` is missing"));
    record(r#"{"timestamp":"2025-12-28T18:03:05Z","path":"/"}"#, Err("0 userAgent: `userAgent` is missing"));
    record(
        &with(r#","receivedAt":"2025-12-28T18:03:05Z""#),
        Err("0 timestamp: `timestamp` and its alias `receivedAt` must not both be given"),
    );
}

#[test]
fn named_fields_are_strings() {
    for (value, field) in
        [("1", "timestamp"), ("null", "path"), ("{}", "userAgent"), ("[1]", "method"), ("true", "path")]
    {
        let others: String = ["timestamp", "method", "path", "userAgent"]
            .into_iter()
            .filter(|name| *name != field)
            .map(|name| match name {
                "timestamp" => r#","timestamp":"2025-12-28T18:03:05Z""#.to_owned(),
                name => format!(r#","{name}":"x""#),
            })
            .collect();
        let error = format!("0 {field}: `{field}` must be a string");
        record(&format!(r#"{{"{field}":{value}{others}}}"#), Err(&error));
    }
}

#[test]
fn path_has_a_length() {
    let path =
        |path: &str| format!(r#"{{"timestamp":"2025-12-28T18:03:05Z","path":"{path}","userAgent":""}}"#);
    record(&path(""), Err("0 path: `path` is empty"));
    same(&path(&"a".repeat(8192)));
    same(&path(&"\\u0061".repeat(8192)));
    same(&path(&"é".repeat(4096)));
    record(&path(&"a".repeat(8193)), Err("0 path: `path` is longer than 8192 bytes"));
    record(&path(&"\\u00e9".repeat(4097)), Err("0 path: `path` is longer than 8192 bytes"));
}

#[test]
fn times() {
    let time = |time: &str| format!(r#"{{"timestamp":"{time}","path":"/","userAgent":""}}"#);
    record(&time("2025-12-28T18:03:60Z"), Ok(&time("2025-12-28T18:03:59.999999999Z")));
    record(&time("2025-12-28t18:03:05.10z"), Ok(&time("2025-12-28T18:03:05.10Z")));
    record(
        &time("2025-12-28"),
        Err("0 timestamp: `timestamp` is not an RFC 3339 time such as 2025-12-28T18:03:05.120Z"),
    );
    record(
        &time("2025-02-30T00:00:00Z"),
        Err("0 timestamp: `timestamp` names a day or a time of day that does not exist"),
    );
    record(
        &time("1969-12-31T23:59:59Z"),
        Err("0 timestamp: `timestamp` is outside the years 1970 to 9999 (UTC)"),
    );
    record(
        &time("2025-12-28T18:03:05.0123456789Z"),
        Err("0 timestamp: `timestamp` has more than 9 digits after the second"),
    );
}

#[test]
fn keys_stand_once() {
    let twice = |key: &str| format!("0 -: the key `{key}` stands twice in one object");
    record(&with(r#","path":"/""#), Err(&twice("path")));
    record(&with(r#","p\u0061th":"/""#), Err(&twice("path")));
    record(&with(r#","a":1,"b":2,"a":3"#), Err(&twice("a")));
    record(&with(r#","a":1,"\u0061":3"#), Err(&twice("a")));
    record(&with(r#","x":{"y":[{"a":1,"a":2}]}"#), Err(&twice("a")));
    record(&with(r#","x":{"\u0000\u202e":1,"\u0000\u202E":2}"#), Err(&twice("\\u{0}\\u{202e}")));
    let long = "k".repeat(100);
    record(&with(&format!(r#","{long}":1,"{long}":2"#)), Err(&twice(&("k".repeat(32) + "..."))));
    same(&with(r#","a":{"a":{"a":1},"b":{"a":1}},"b":[{"a":1},{"a":1}]"#));
    same(&with(r#","\u0061b":1,"a\u0062c":2"#));
}

#[test]
fn many_keys_are_compared_as_well() {
    for count in [31, 32, 33, 34, 1000] {
        let keys: String = (0..count).map(|i| format!(",\"key{i}\":{i}")).collect();
        same(&with(&keys));
        same(&with(&format!(",\"in\":{{{}}}", &keys[1..])));
        for again in [0, count / 2, count - 1] {
            let error = format!("0 -: the key `key{again}` stands twice in one object");
            record(&with(&format!("{keys},\"key{again}\":0")), Err(&error));
            record(&with(&format!("{keys},\"\\u006bey{again}\":0")), Err(&error));
            record(&with(&format!(",\"in\":{{{},\"key{again}\":0}}", &keys[1..])), Err(&error));
        }
    }
}

/// Comparing each with each would take minutes here.
#[test]
fn very_many_keys_are_no_work() {
    let keys: String = (0..100_000).map(|i| format!(",\"\\u006bey{i}\":{i}")).collect();
    same(&with(&keys));
    same(&with(&format!(",\"in\":{{{}}}", &keys[1..])));
}

#[test]
fn lone_surrogates() {
    record(
        &with(r#","a":"\ud800""#),
        Err(r"0 -: the lone surrogate `\ud800` at byte 68 is half a character"),
    );
    record(
        &with(r#","a":"\uDFFF""#),
        Err(r"0 -: the lone surrogate `\uDFFF` at byte 68 is half a character"),
    );
    record(
        &with(r#","a":"\ud800\ud83d\ude00""#),
        Err(r"0 -: the lone surrogate `\ud800` at byte 68 is half a character"),
    );
    record(&with(r#","\ud800x":1"#), Err(r"0 -: the lone surrogate `\ud800` at byte 64 is half a character"));
    same(&with(r#","a":"\uD83D\uDE00""#));
}

#[test]
fn nesting() {
    let nested = |depth: usize| with(&format!(r#","a":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
    let objects = |depth: usize| with(&format!(r#","a":{}1{}"#, "{\"a\":".repeat(depth), "}".repeat(depth)));
    let max = Limits::default().max_nesting as usize;
    let error = Err("0 -: the record is nested deeper than 64 levels");
    for nest in [&nested as &dyn Fn(usize) -> String, &objects] {
        same(&nest(max - 1));
        record(&nest(max), error);
        record(&nest(100_000), error);
    }
    // Nothing that is opened has to be closed for the answer to come.
    check(Format::Json, "[".repeat(2_000_000), Err("- -: expected a JSON value at byte 2000000"));
}

#[test]
fn an_element_is_an_object() {
    for value in ["1", "\"x\"", "null", "true", "[]", "[{}]", "-0.5e3"] {
        record(value, Err("0 -: a record must be a JSON object"));
    }
}

#[test]
fn syntax_of_an_array() {
    let cases = [
        ("", "- -: expected `[`, the begin of an array of records, at byte 0"),
        ("  ", "- -: expected `[`, the begin of an array of records, at byte 2"),
        ("{}", "- -: expected `[`, the begin of an array of records, at byte 0"),
        ("[", "- -: expected a JSON value at byte 1"),
        ("[]]", "- -: something behind the array's end at byte 2"),
        ("[] x", "- -: something behind the array's end at byte 3"),
        ("[],", "- -: something behind the array's end at byte 2"),
        ("[{}", "0 timestamp: `timestamp` is missing"),
        ("[,]", "- -: expected a JSON value at byte 1"),
        ("[\u{feff}]", "- -: expected a JSON value at byte 1"),
    ];
    for (body, error) in cases {
        check(Format::Json, body, Err(error));
    }
    for end in ["", ",", ",]", " {}]", "}", "]x", "]\0"] {
        let body = format!("[{}{end}", with(""));
        assert!(outcome(Format::Json, body.as_bytes()).unwrap_err().starts_with("- -: "), "{body}");
    }
    check(Format::Json, "[]", Ok(&[]));
    check(Format::Json, " [ ] \r\n", Ok(&[]));
    check(Format::Json, format!("\u{feff} [ {} ,\n{} ] ", with(""), with("")), Ok(&[&with(""), &with("")]));
    check(
        Format::Json,
        "\u{feff}\u{feff}[]",
        Err("- -: expected `[`, the begin of an array of records, at byte 3"),
    );
}

#[test]
fn syntax_of_values() {
    let bad = [
        "01",
        "1.",
        ".5",
        "-",
        "+1",
        "1e",
        "1e+",
        "0x1",
        "1.e1",
        "NaN",
        "Infinity",
        "-Infinity",
        "tru",
        "True",
        "nul",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\t\"",
        "\"\n\"",
        "\"\u{1f}\"",
        "\"\\",
        "[1,]",
        "[1 2]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"a\":}",
        "{,}",
        "[1}",
        "{\"a\":1]",
        "",
        "1 1",
        "nulll",
        "--1",
        "/**/1",
        "\u{a0}1",
        "\u{b}1",
    ];
    for value in bad {
        let object = with(&format!(",\"a\":{value}"));
        let error = outcome(Format::Json, format!("[{object}]").as_bytes()).expect_err(value);
        assert!(error.starts_with("- -: ") && error.contains(" at byte "), "{value}: {error}");
        let error = outcome(Format::Ndjson, object.as_bytes()).expect_err(value);
        assert!(error.starts_with("0 -: ") && error.contains(" at byte "), "{value}: {error}");
    }
    for value in ["0", "-0", "10", "0.10", "1e5", "1E-05", "-0.0e+0", "\"\u{7f}\"", "\"\\u0000\"", "[]", "{}"]
    {
        same(&with(&format!(",\"a\":{value}")));
    }
    check(Format::Json, r#"[{"a":1 "b"}]"#, Err("- -: expected `,` or `}` at byte 8"));
}

#[test]
fn bodies_are_utf8() {
    for format in [Format::Json, Format::Ndjson, Format::Csv] {
        check(format, b"[{\"a\":\"\xff\"}]", Err("- -: the body is not UTF-8 at byte 7"));
        check(format, b"\xff\xfe[\0]\0", Err("- -: the body is not UTF-8 at byte 0"));
        check(format, b"[]\xed\xa0\x80", Err("- -: the body is not UTF-8 at byte 2"));
    }
}

#[test]
fn lines() {
    let line = with(",\"a\":1");
    let expect = Ok([line.as_str(); 3]);
    let expect = expect.as_ref().map(|lines: &[&str; 3]| lines.as_slice()).map_err(|e: &&str| *e);
    check(Format::Ndjson, format!("{line}\n{line}\n{line}\n"), expect);
    check(Format::Ndjson, format!("{line}\r\n{line}\r\n{line}"), expect);
    check(Format::Ndjson, format!("\u{feff}\n{line}\n \t\r\n\n{line}\n  {line} \t\r"), expect);
    check(Format::Ndjson, "", Ok(&[]));
    check(Format::Ndjson, "\n\r\n \n", Ok(&[]));
    check(Format::Ndjson, "\u{feff}", Ok(&[]));
    check(
        Format::Ndjson,
        format!("{line}\n{line},\n"),
        Err("1 -: something behind the record's end at byte 137"),
    );
    check(
        Format::Ndjson,
        format!("{line}{line}\n"),
        Err("0 -: something behind the record's end at byte 68"),
    );
    check(Format::Ndjson, format!("[{line}]"), Err("0 -: a record must be a JSON object"));
    check(Format::Ndjson, "{\"a\":\n1}", Err("0 -: expected a JSON value at byte 5"));
}
