use super::{Records, Scratch};
use crate::{Format, Limits, MAX_NESTING, Mode, Text, validate};

const TIME: &str = "2025-12-28T18:03:05.5Z";

/// Index and path of each record, `None` for an invalid one.
fn check(format: Format, body: &str, expect: &[Option<(u32, &str)>]) {
    let (mut records, mut scratch, mut found) =
        (Records::new(format, body.as_bytes()), Scratch::default(), Vec::new());
    while let Some(record) = records.next(&mut scratch) {
        found.push(record.ok().map(|record| (record.index(), record.path().unescaped().into_owned())));
    }
    let found: Vec<_> =
        found.iter().map(|r| r.as_ref().map(|(index, path)| (*index, path.as_str()))).collect();
    assert_eq!(found, expect, "{body}");
    assert!(records.next(&mut scratch).is_none(), "the end stays the end");
}

fn object(path: &str) -> String {
    format!(r#"{{"timestamp":"{TIME}","path":"{path}","userAgent":""}}"#)
}

#[test]
fn invalid_records_are_passed() {
    let (a, b) = (object("/a"), object("\\u002fb"));
    let expect = [Some((0, "/a")), None, None, Some((3, "/b"))];
    check(Format::Json, &format!("[{a},{{}},1,{b}]"), &expect);
    check(Format::Ndjson, &format!("{a}\n{{}}\n{{]\n\n{b}"), &expect);
    check(Format::Csv, &format!("path,timestamp,userAgent\n/a,{TIME},\nx\n,{TIME},\n/b,{TIME},"), &expect);
}

#[test]
fn an_error_of_the_body_ends_the_walk() {
    let a = object("/a");
    check(Format::Json, &format!("[{a},{a} {a}]"), &[Some((0, "/a")), Some((1, "/a")), None]);
    check(
        Format::Csv,
        &format!("path,timestamp,userAgent\n/a,{TIME},\n/a,{TIME},\"\n/a,{TIME},"),
        &[Some((0, "/a")), None],
    );
    check(Format::Csv, "path\n/a\n", &[None]);
}

#[test]
fn the_walk_knows_no_setting_but_the_bound_of_all() {
    let deep = |depth: usize| {
        object("/a").replace('}', &format!(",\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth)))
    };
    let most = MAX_NESTING as usize - 1;
    check(Format::Json, &format!("[{},{}]", deep(most), deep(most + 1)), &[Some((0, "/a")), None]);
    let limits = Limits { max_nesting: u32::MAX, ..Limits::default() };
    for (depth, valid) in [(most, true), (most + 1, false)] {
        let body = deep(depth);
        assert_eq!(validate(Format::Ndjson, body.as_bytes(), &limits, Mode::Strict).is_ok(), valid);
    }
}

#[test]
fn views_are_raw_and_unescaped() {
    let body = format!(r#"[{{"timestamp":"{TIME}","method":"G\u0045T","path":"\/é","userAgent":"\"x\""}}]"#);
    let (mut records, mut scratch) = (Records::new(Format::Json, body.as_bytes()), Scratch::default());
    let record = records.next(&mut scratch).unwrap().unwrap();
    let both = |text: Text<'_>| (text.raw().to_owned(), text.unescaped().into_owned());
    assert_eq!(record.method().map(both), Some((r"G\u0045T".to_owned(), "GET".to_owned())));
    assert_eq!(both(record.path()), (r"\/é".to_owned(), "/é".to_owned()));
    assert_eq!(both(record.user_agent()), (r#"\"x\""#.to_owned(), "\"x\"".to_owned()));
    assert_eq!((record.timestamp().nanos(), record.timestamp().hour()), (500_000_000, 1_766_944_985 / 3600));

    let body = format!("timestamp,path,userAgent\n{TIME},/,\"a\"\"b\"");
    let mut records = Records::new(Format::Csv, body.as_bytes());
    let record = records.next(&mut scratch).unwrap().unwrap();
    assert_eq!(both(record.user_agent()), ("a\"\"b".to_owned(), "a\"b".to_owned()));
    assert!(record.method().is_none());
}

#[test]
fn a_record_can_be_had_alone() {
    let alone = |format, body: &str| {
        let (mut records, mut scratch) = (Records::new(format, body.as_bytes()), Scratch::default());
        let mut found = Vec::new();
        while records.next(&mut scratch).is_some() {
            found.push(records.alone());
        }
        found
    };
    assert_eq!(alone(Format::Json, "\u{feff} [ {\"a\" : 1} ,\n 2,[3] ]"), ["[{\"a\" : 1}]", "[2]", "[[3]]"]);
    assert_eq!(alone(Format::Ndjson, "\n{}\r\n\n {]\n1"), ["{}\n", "{]\n", "1"]);
    let csv = "\u{feff}timestamp,path,userAgent\n1,2\n\nx,\"y\n\",z\r\n3";
    let header = "timestamp,path,userAgent\n";
    assert_eq!(
        alone(Format::Csv, csv),
        [format!("{header}1,2\n"), format!("{header}x,\"y\n\",z\r\n"), format!("{header}3")]
    );
    // What is no white space of the format stays: without it the record would be another one.
    assert_eq!(alone(Format::Ndjson, "\u{c}\n \u{c}{}\t\n"), ["\u{c}\n", "\u{c}{}\n"]);
    assert_eq!(alone(Format::Csv, &format!("{header}\n\r1,2,3\n")), [format!("{header}\r1,2,3\n")]);
}
