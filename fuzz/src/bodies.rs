//! What holds for a body of any format.

use logmill_model::{Format, Invalid, Limits, MAX_ERRORS, Mode, Record, Records, Scratch, Summary, validate};
use serde_json::Value;
use serde_json::value::RawValue;

/// Beyond everything that a body holds, so that only the grammar and the fields decide, as in a walk.
const WIDE: Limits = Limits { max_records: u32::MAX, max_nesting: u32::MAX, max_hours: u32::MAX };

/// Limits that bodies of a few KiB go beyond.
const NARROW: Limits = Limits { max_records: 5, max_nesting: 4, max_hours: 2 };

/// What became of a body whose end could be reached.
pub(crate) struct Read {
    pub(crate) summary: Summary,
    /// The line of each record with its `\n`, none where the record was rejected.
    pub(crate) lines: Vec<Option<String>>,
}

impl Read {
    /// The lines of the accepted records.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().flatten().map(String::as_str)
    }

    /// All lines as one body of NDJSON.
    pub(crate) fn joined(&self) -> String {
        self.accepted().collect()
    }
}

/// Validates and walks a body. `None` if nothing of it can be taken, and then it is told why.
pub(crate) fn read(format: Format, body: &[u8]) -> Option<Read> {
    bounded(format, body);
    let strict = validate(format, body, &WIDE, Mode::Strict);
    let lenient = validate(format, body, &WIDE, Mode::Lenient);
    if let Err(invalid) = &strict {
        told(invalid);
    }
    let summary = match lenient {
        Ok(summary) => summary,
        Err(invalid) => {
            told(&invalid);
            assert!(strict.is_err(), "strict takes what lenient does not");
            return None;
        }
    };
    match strict {
        Ok(strict) => assert_eq!(strict, summary, "strict and lenient differ"),
        Err(_) => assert!(!summary.rejected.is_empty(), "strict refuses what lenient takes as a whole"),
    }
    let lines = walk(format, body, &summary);
    let read = Read { summary, lines };
    once_more(&read);
    Some(read)
}

/// With limits a body is refused or means the same.
fn bounded(format: Format, body: &[u8]) {
    for mode in [Mode::Strict, Mode::Lenient] {
        match validate(format, body, &NARROW, mode) {
            Ok(summary) => {
                assert!(summary.records <= NARROW.max_records, "more records than the limit");
                assert_eq!(summary.accepted as usize + summary.rejected.len(), summary.records as usize);
                assert_eq!(summary.errors.len(), summary.rejected.len().min(MAX_ERRORS));
            }
            Err(invalid) => told(&invalid),
        }
    }
}

/// Errors are few, and nothing in them drives a terminal.
fn told(invalid: &Invalid) {
    let Invalid::Malformed { errors } = invalid else { return };
    assert!((1..=MAX_ERRORS).contains(&errors.len()), "{} errors are told", errors.len());
    for error in errors {
        assert!(error.reason.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", error.reason);
        assert!(error.reason.len() < 1000, "{:?}", error.reason);
    }
}

/// Walks a body as a consumer does: the same records are rejected, and the others are lines.
fn walk(format: Format, body: &[u8], summary: &Summary) -> Vec<Option<String>> {
    let (mut records, mut scratch) = (Records::new(format, body), Scratch::default());
    let (mut lines, mut times, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let index = lines.len() as u32;
        let line = match records.next(&mut scratch) {
            None => break,
            Some(Ok(record)) => {
                assert_eq!(record.index(), index);
                times.push(record.timestamp());
                Some(line(record))
            }
            Some(Err(error)) => {
                assert_eq!(error.index, Some(index));
                rejected.push(index);
                None
            }
        };
        alone(format, &records.alone(), line.as_deref());
        lines.push(line);
    }
    assert!(records.next(&mut scratch).is_none(), "the end stays the end");
    assert_eq!(rejected, summary.rejected);
    assert_eq!((lines.len(), times.len()), (summary.records as usize, summary.accepted as usize));
    assert_eq!((times.iter().min(), times.iter().max()), (summary.min.as_ref(), summary.max.as_ref()));
    lines
}

/// The line of a record: one line, JSON to another parser too.
fn line(record: Record<'_>) -> String {
    let mut line = Vec::new();
    record.write_line(&mut line);
    let line = String::from_utf8(line).expect("a line is UTF-8");
    let content = line.strip_suffix('\n').expect("a line ends in a line break");
    assert!(!content.bytes().any(|byte| byte < b' '), "a raw control character: {content:?}");
    let value = parse(content);
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    assert_eq!(text("path"), Some(&*record.path().unescaped()));
    assert_eq!(text("userAgent"), Some(&*record.user_agent().unescaped()));
    assert_eq!(text("method"), record.method().map(|method| method.unescaped()).as_deref());
    assert_eq!(value.as_object().and_then(|map| map.keys().next()).map(String::as_str), Some("timestamp"));
    line
}

/// A body of the record alone holds just that: for dead letters.
fn alone(format: Format, body: &str, line: Option<&str>) {
    let (mut records, mut scratch) = (Records::new(format, body.as_bytes()), Scratch::default());
    let first = records.next(&mut scratch).expect("a record alone is a record");
    let found = first.ok().map(|record| {
        let mut line = Vec::new();
        record.write_line(&mut line);
        String::from_utf8(line).expect("a line is UTF-8")
    });
    assert_eq!(found.as_deref(), line, "alone it means something else: {body:?}");
    assert!(records.next(&mut scratch).is_none(), "more than one record: {body:?}");
}

/// What was rendered is NDJSON that is accepted and rendered as it stands.
fn once_more(read: &Read) {
    let body = read.joined();
    let again = validate(Format::Ndjson, body.as_bytes(), &WIDE, Mode::Strict).expect("a line is a record");
    let Summary { accepted, min, max, .. } = read.summary;
    assert_eq!((again.accepted, again.min, again.max), (accepted, min, max));
    let (mut records, mut scratch) = (Records::new(Format::Ndjson, body.as_bytes()), Scratch::default());
    let mut out = Vec::new();
    while let Some(record) = records.next(&mut scratch) {
        record.expect("it was validated").write_line(&mut out);
    }
    assert_eq!(String::from_utf8_lossy(&out), body, "a line is not rendered as it stands");
}

/// JSON of any depth, as another parser reads it.
pub(crate) fn parse(json: &str) -> Value {
    try_parse(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// The same for a text that may be none.
pub(crate) fn try_parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.disable_recursion_limit();
    let value = T::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The text of a body, without its byte-order mark.
pub(crate) fn text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Both formats of JSON hold the same records and make the same lines of them.
pub(crate) fn same(read: &Read, other: Format, body: &str) {
    let again =
        self::read(other, body.as_bytes()).unwrap_or_else(|| panic!("refused as {other:?}: {body:?}"));
    assert_eq!(again.summary.rejected, read.summary.rejected, "{body:?}");
    assert_eq!(again.lines, read.lines, "{body:?}");
}

/// A value on one line: outside of strings, line breaks are white space.
pub(crate) fn on_one_line(element: &RawValue) -> String {
    element.get().replace(['\n', '\r'], " ")
}
