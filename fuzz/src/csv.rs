//! Bodies of CSV.

use logmill_model::Format;
use serde_json::{Map, Value};

use crate::bodies::{Read, parse, read};
use crate::records::in_utc;

/// Each record that is accepted is one line, which says what the csv crate reads.
pub fn check(body: &[u8]) {
    let Some(read) = read(Format::Csv, body) else { return };
    assert_eq!(read.accepted().count(), read.summary.accepted as usize);
    // What is rejected is read in other ways by others, so only a body without it is compared.
    if read.summary.rejected.is_empty() {
        compare(body, &read);
    }
}

fn compare(body: &[u8], read: &Read) {
    let mut reader = csv::ReaderBuilder::new().from_reader(body);
    let header = reader.headers().expect("a header row").clone();
    let expected: Vec<Value> =
        reader.records().map(|row| members(&header, &row.expect("a row of cells"))).collect();
    let found: Vec<Value> = read.accepted().map(parse).collect();
    assert_eq!(found, expected);
}

fn members(header: &csv::StringRecord, row: &csv::StringRecord) -> Value {
    let mut members = Map::new();
    for (name, cell) in header.iter().zip(row) {
        let (name, cell) = match name {
            "timestamp" | "receivedAt" => ("timestamp", in_utc(cell).expect("a time")),
            "method" if cell.is_empty() => continue,
            name => (name, cell.to_owned()),
        };
        members.insert(name.to_owned(), Value::String(cell));
    }
    Value::Object(members)
}
