//! Objects, each on a line of its own; as an array there are brackets around them and commas between them.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;

use crate::error::QueryError;

pub(super) struct Json {
    array: bool,
    begun: bool,
}

impl Json {
    pub(super) fn new(schema: &SchemaRef, array: bool) -> Result<Self, QueryError> {
        let mut names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        names.sort();
        match names.windows(2).find_map(|pair| pair.first().filter(|name| Some(*name) == pair.last())) {
            None => Ok(Self { array, begun: false }),
            Some(name) => Err(QueryError::Statement(format!(
                "several columns of the answer are called `{name}`, which JSON cannot show: rename them with AS"
            ))),
        }
    }

    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let builder = WriterBuilder::new().with_explicit_nulls(true);
        let mut writer = builder.build::<_, LineDelimited>(Vec::new());
        writer.write(rows)?;
        let lines = writer.into_inner();
        Ok(if self.array { self.joined(&lines) } else { lines })
    }

    fn joined(&mut self, lines: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(lines.len() + lines.len() / 8);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let before: &[u8] = if std::mem::replace(&mut self.begun, true) { b",\n" } else { b"[" };
            text.extend_from_slice(before);
            text.extend_from_slice(line);
        }
        text
    }

    pub(super) fn end(self) -> Vec<u8> {
        match (self.array, self.begun) {
            (true, true) => b"]\n".to_vec(),
            (true, false) => b"[]\n".to_vec(),
            (false, _) => Vec::new(),
        }
    }
}
