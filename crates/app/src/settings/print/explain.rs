//! Each value with its source.

use super::super::problem::{Origin, escaped};
use super::super::{Explained, Loaded};

/// Stands for no value.
const NOTHING: &str = "-";
/// Widest column; what is longer moves only its own line.
const MAX_WIDTH: usize = 40;

/// Each setting with its value and where that came from, one a line in aligned columns, in the catalogue's
/// order. Secrets are masked, control characters escaped.
#[must_use]
pub(crate) fn explain(loaded: &Loaded) -> String {
    let rows: Vec<[String; 3]> = loaded.provenance.iter().map(row).collect();
    let width = |column: usize| {
        let lengths =
            rows.iter().map(|row| row[column].chars().count()).filter(|length| *length <= MAX_WIDTH);
        lengths.max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    rows.iter().map(|[name, value, source]| format!("{name:first$}  {value:second$}  {source}\n")).collect()
}

fn row(value: &Explained) -> [String; 3] {
    let shown = match &value.value {
        None => NOTHING.to_owned(),
        Some(text) if text.is_empty() => NOTHING.to_owned(),
        Some(text) => escaped(text),
    };
    let source = match (&value.origin, value.note) {
        (Origin::Default, Some(note)) => format!("default: {note}"),
        (origin, _) => origin.to_string(),
    };
    [value.name.to_owned(), shown, source]
}
