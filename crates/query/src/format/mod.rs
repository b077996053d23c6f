//! Rows as bytes. Times are RFC 3339 in UTC, maps and lists are JSON, also inside of CSV and tables.

mod arrow;
mod cells;
mod csv;
mod json;
mod table;
#[cfg(test)]
mod tests;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use crate::error::QueryError;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON array with an object a row.
    Json,
    /// An object a line.
    Ndjson,
    /// A header row, then a line a row; an absent value is an empty field.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    /// Columns side by side, for people. All rows are in memory until the end.
    Table,
}

/// Writes one answer, piece by piece.
pub struct Writer(Kind);

enum Kind {
    Json(json::Json),
    Csv(csv::Csv),
    Arrow(arrow::Arrow),
    Table(table::Table),
}

impl Writer {
    /// A writer for rows of these columns.
    ///
    /// # Errors
    /// `Statement`: two columns of one name, which JSON objects cannot hold.
    pub fn new(form: Form, schema: &SchemaRef) -> Result<Self, QueryError> {
        Ok(Self(match form {
            Form::Json => Kind::Json(json::Json::new(schema, true)?),
            Form::Ndjson => Kind::Json(json::Json::new(schema, false)?),
            Form::Csv => Kind::Csv(csv::Csv::new(schema)),
            Form::Arrow => Kind::Arrow(arrow::Arrow::new(schema).map_err(|error| failed(&error))?),
            Form::Table => Kind::Table(table::Table::new(schema)),
        }))
    }

    /// Writes rows.
    ///
    /// # Errors
    /// A value that has no such form, for example a time after the year 9999 (`Statement`).
    pub fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let written = match &mut self.0 {
            Kind::Json(json) => json.rows(rows),
            Kind::Csv(csv) => csv.rows(rows),
            Kind::Arrow(arrow) => arrow.rows(rows),
            Kind::Table(table) => table.rows(rows).map(|()| Vec::new()),
        };
        written.map_err(|error| failed(&error))
    }

    /// What comes behind the last row.
    ///
    /// # Errors
    /// As `rows`.
    pub fn end(self) -> Result<Vec<u8>, QueryError> {
        match self.0 {
            Kind::Json(json) => Ok(json.end()),
            Kind::Csv(csv) => csv.end().map_err(|error| failed(&error)),
            Kind::Arrow(arrow) => arrow.end().map_err(|error| failed(&error)),
            Kind::Table(table) => Ok(table.end()),
        }
    }
}

fn failed(error: &ArrowError) -> QueryError {
    QueryError::Statement(format!("a value cannot be written in this format: {error}"))
}
