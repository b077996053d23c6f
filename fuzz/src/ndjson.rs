//! Bodies of JSON objects, one a line.

use logmill_model::Format;
use serde_json::value::RawValue;

use crate::bodies::{read, same, text, try_parse};
use crate::records;

/// Each line agrees with serde_json; a JSON array of the same records means the same.
pub fn check(body: &[u8]) {
    let (read, text) = match (read(Format::Ndjson, body), text(body)) {
        (Some(read), Some(text)) => (read, text),
        (None, None) => return,
        (read, _) => panic!("taken: {}, though only text can be, and all text is", read.is_some()),
    };
    let is_blank = |line: &&str| line.trim_matches([' ', '\t', '\r']).is_empty();
    let lines = text.split('\n').filter(|line| !is_blank(line));
    let elements: Vec<Option<&RawValue>> = lines.map(|line| try_parse(line).ok()).collect();
    assert_eq!(read.lines.len(), elements.len());
    for (element, line) in elements.iter().zip(&read.lines) {
        match element {
            Some(element) => records::check(element, line.as_deref()),
            None => assert_eq!(*line, None, "a line that is no JSON"),
        }
    }
    // A line that is no JSON would spoil the whole array.
    let texts: Option<Vec<&str>> = elements.iter().map(|element| element.map(RawValue::get)).collect();
    if let Some(texts) = texts {
        same(&read, Format::Json, &format!("[{}]", texts.join(",")));
    }
}
