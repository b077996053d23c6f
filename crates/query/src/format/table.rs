//! A table for people. What senders wrote is data: control characters are shown as escapes.

use std::fmt::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::cells::flat;

pub(super) struct Table {
    /// Whether a column is written at its right side.
    right: Vec<bool>,
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let head: Vec<String> = schema.fields().iter().map(|field| shown(field.name())).collect();
        let right = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        Self { right, widths: head.iter().map(|name| name.chars().count()).collect(), rows: vec![head] }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let rows = flat(rows)?;
        let options = FormatOptions::default().with_null("NULL");
        let columns = rows.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..rows.num_rows() {
            let cells = columns.iter().map(|column| Ok(shown(&column.value(row).try_to_string()?)));
            self.add(cells.collect::<Result<Vec<_>, ArrowError>>()?);
        }
        Ok(())
    }

    fn add(&mut self, cells: Vec<String>) {
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
        self.rows.push(cells);
    }

    pub(super) fn end(self) -> Vec<u8> {
        let mut text = String::new();
        let line: Vec<String> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
        for (number, cells) in self.rows.iter().enumerate() {
            self.line(cells, &mut text);
            if number == 0 {
                self.line(&line, &mut text);
            }
        }
        let count = self.rows.len() - 1;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "({count} {})", if count == 1 { "row" } else { "rows" });
        text.into_bytes()
    }

    fn line(&self, cells: &[String], text: &mut String) {
        let begin = text.len();
        for ((cell, width), right) in cells.iter().zip(&self.widths).zip(&self.right) {
            if text.len() > begin {
                text.push_str("  ");
            }
            let pad = " ".repeat(width - cell.chars().count());
            let (before, behind) = if *right { (pad.as_str(), "") } else { ("", pad.as_str()) };
            text.push_str(before);
            text.push_str(cell);
            text.push_str(behind);
        }
        text.truncate(text.trim_end().len().max(begin));
        text.push('\n');
    }
}

/// Text without what a terminal would act upon.
fn shown(text: &str) -> String {
    if !text.contains(|c: char| c.is_control()) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}
