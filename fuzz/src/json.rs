//! Bodies of JSON arrays.

use logmill_model::Format;
use serde_json::value::RawValue;

use crate::bodies::{on_one_line, read, same, text, try_parse};
use crate::records;

/// The grammar, each record and each line agree with serde_json; NDJSON of the same records means the same.
pub fn check(body: &[u8]) {
    let read = read(Format::Json, body);
    let elements: Option<Vec<&RawValue>> = text(body).and_then(|text| try_parse(text).ok());
    let (read, elements) = match (read, elements) {
        (Some(read), Some(elements)) => (read, elements),
        (None, None) => return,
        (read, _) => panic!("only {} takes it", if read.is_some() { "logmill" } else { "serde_json" }),
    };
    assert_eq!(read.lines.len(), elements.len());
    for (element, line) in elements.iter().zip(&read.lines) {
        records::check(element, line.as_deref());
    }
    let lines: String = elements.iter().map(|element| on_one_line(element) + "\n").collect();
    same(&read, Format::Ndjson, &lines);
}
