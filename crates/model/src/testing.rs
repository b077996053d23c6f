//! One shape for the tables of cases.

use crate::{Format, Invalid, Limits, Mode, RecordError, Records, Scratch, validate};

/// Validates and renders a body. `Ok`: its lines; `Err`: its first error as `index field: reason`, with `-` for none.
pub(crate) fn check(format: Format, body: impl AsRef<[u8]>, expect: Result<&[&str], &str>) {
    let body = body.as_ref();
    let result = outcome(format, body);
    let lines = result.as_ref().map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
    let lines = lines.as_ref().map(Vec::as_slice).map_err(|error| error.as_str());
    assert_eq!(lines, expect, "{}", String::from_utf8_lossy(body.get(..200).unwrap_or(body)));
}

pub(crate) fn outcome(format: Format, body: &[u8]) -> Result<Vec<String>, String> {
    match validate(format, body, &Limits::default(), Mode::Strict) {
        Ok(summary) => {
            let lines = lines(format, body);
            assert_eq!(summary.records as usize, lines.len());
            assert_eq!(summary.accepted, summary.records);
            Ok(lines)
        }
        Err(Invalid::Malformed { errors }) => Err(describe(errors.first().expect("at least one error"))),
        Err(error) => Err(error.to_string()),
    }
}

/// All lines of a valid body, without their `\n`.
pub(crate) fn lines(format: Format, body: &[u8]) -> Vec<String> {
    let (mut records, mut scratch, mut lines) = (Records::new(format, body), Scratch::default(), Vec::new());
    while let Some(record) = records.next(&mut scratch) {
        let record = record.expect("a valid body");
        assert_eq!(record.index() as usize, lines.len());
        let mut out = Vec::new();
        record.write_line(&mut out);
        let mut line = String::from_utf8(out).expect("UTF-8");
        assert_eq!(line.pop(), Some('\n'));
        lines.push(line);
    }
    lines
}

pub(crate) fn describe(error: &RecordError) -> String {
    let index = error.index.map_or("-".to_owned(), |index| index.to_string());
    format!("{index} {}: {}", error.field.unwrap_or("-"), error.reason)
}
