//! Random bodies against other parsers: serde_json and the csv crate say what the bodies mean.
//! A failing case is printed and kept by proptest; `PROPTEST_CASES` sets how many are tried.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod csv_bodies;
mod json_bodies;
mod model;
mod mutate;
mod real;

use logmill_model::{Format, Limits, Mode, Records, Scratch, Summary, validate};

/// Beyond everything that a random body holds, so that only the grammar and the fields decide.
const WIDE: Limits = Limits { max_records: u32::MAX, max_nesting: u32::MAX, max_hours: u32::MAX };

/// Walks a body that was validated leniently: the walk must reject the same records, and each
/// line must be one line, returned without its end.
fn lines(format: Format, body: &[u8], summary: &Summary) -> Vec<String> {
    let (mut records, mut scratch) = (Records::new(format, body), Scratch::default());
    let (mut rejected, mut lines, mut index) = (Vec::new(), Vec::new(), 0);
    while let Some(record) = records.next(&mut scratch) {
        match record {
            Err(error) => {
                assert_eq!(error.index, Some(index));
                rejected.push(index);
            }
            Ok(record) => {
                let mut line = Vec::new();
                record.write_line(&mut line);
                assert_eq!(record.index(), index);
                assert_eq!(line.pop(), Some(b'\n'));
                assert!(!line.contains(&b'\n'));
                lines.push(String::from_utf8(line).expect("a line is UTF-8"));
            }
        }
        index += 1;
    }
    assert_eq!(rejected, summary.rejected);
    assert_eq!((index, lines.len() as u32), (summary.records, summary.accepted));
    lines
}

/// The summary of a lenient pass, if the body could be read to its end. Strict must agree with it.
fn lenient(format: Format, body: &[u8]) -> Option<Summary> {
    let summary = validate(format, body, &WIDE, Mode::Lenient).ok();
    let strict = validate(format, body, &WIDE, Mode::Strict).ok();
    let valid = summary.clone().filter(|summary| summary.rejected.is_empty());
    assert_eq!(strict, valid, "strict takes what lenient takes without a rejection");
    summary
}
