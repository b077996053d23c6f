use super::{Form, Text};

fn check(raw: &str, form: Form, unescaped: &str, json: &str) {
    let text = Text::new(raw, form);
    let mut out = Vec::new();
    text.write_json(&mut out);
    assert_eq!(text.raw(), raw);
    assert_eq!(text.unescaped(), unescaped, "{raw:?}");
    assert_eq!(text.is_plain(), raw == unescaped, "{raw:?}");
    assert_eq!(String::from_utf8(out).unwrap(), json, "{raw:?}");
}

#[test]
fn json_keeps_its_escapes() {
    check("/a", Form::Json, "/a", "/a");
    check(r"\/\u00e9\ud83d\ude00\n", Form::JsonEscaped, "/é😀\n", r"\/\u00e9\ud83d\ude00\n");
}

#[test]
fn csv_is_escaped() {
    check("é\t\\", Form::Csv, "é\t\\", r"é\t\\");
    check("a\"\"b", Form::CsvDoubled, "a\"b", r#"a\"b"#);
    check("\"\"\"\"", Form::CsvDoubled, "\"\"", r#"\"\""#);
    check("\"\"\n\"\"x\u{1}", Form::CsvDoubled, "\"\n\"x\u{1}", r#"\"\n\"x\u0001"#);
}
