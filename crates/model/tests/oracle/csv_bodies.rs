//! CSV against the csv crate.

use logmill_model::Format;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::json_bodies::in_utc;
use crate::model::text;
use crate::mutate::{apply, edits};
use crate::{lenient, lines};

/// What each line must mean, by the csv crate's reading of a body that is valid.
fn expected(body: &[u8]) -> Vec<Value> {
    let mut reader = csv::ReaderBuilder::new().from_reader(body);
    let header = reader.headers().unwrap().clone();
    reader.records().map(|row| Value::Object(members(&header, &row.unwrap()))).collect()
}

fn members(header: &csv::StringRecord, row: &csv::StringRecord) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, cell) in header.iter().zip(row) {
        let (name, cell) = match name {
            "timestamp" | "receivedAt" => ("timestamp", in_utc(cell).unwrap()),
            "method" if cell.is_empty() => continue,
            name => (name, cell.to_owned()),
        };
        members.insert(name.to_owned(), Value::String(cell));
    }
    members
}

fn check(body: &[u8]) -> bool {
    let Some(summary) = lenient(Format::Csv, body) else { return false };
    let found: Vec<Value> =
        lines(Format::Csv, body, &summary).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    // What is rejected is read in other ways by others, so only a body without it is compared.
    if summary.rejected.is_empty() {
        assert_eq!(found, expected(body), "{}", String::from_utf8_lossy(body));
    }
    summary.rejected.is_empty()
}

fn print(names: &[String], rows: &[Vec<String>], always: bool, crlf: bool) -> Vec<u8> {
    let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
    let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().quote_style(style).terminator(end).from_writer(Vec::new());
    writer.write_record(names).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Names of columns in any order and rows of as many cells that are valid for them.
fn table() -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>)> {
    let extras = btree_set("[a-zé \",\n]{1,6}", 0..4);
    let named = (any::<bool>(), any::<bool>(), extras).prop_map(|(alias, method, extras)| {
        let time = if alias { "receivedAt" } else { "timestamp" };
        let mut names = vec![time.to_owned(), "path".to_owned(), "userAgent".to_owned()];
        names.extend(method.then(|| "method".to_owned()));
        names.extend(extras.into_iter().filter(|name| name != "path" && name != "method"));
        names
    });
    named.prop_shuffle().prop_flat_map(|names| {
        let row: Vec<_> = names.iter().map(|name| cell(name)).collect();
        (Just(names), vec(row, 0..5))
    })
}

fn cell(name: &str) -> BoxedStrategy<String> {
    match name {
        "timestamp" | "receivedAt" => {
            "20[0-9]{2}-0[1-9]-[12][0-8][Tt]1[0-9]:[0-5][0-9]:[0-6]0(\\.[0-9]{1,9})?([Zz]|[+-]0[0-9]:30)"
                .boxed()
        }
        "method" => "[A-Z]{0,5}".boxed(),
        "path" => ("/", text()).prop_map(|(slash, text)| slash.to_owned() + &text.replace('\0', "")).boxed(),
        _ => text().prop_map(|text| text.replace('\0', "")).boxed(),
    }
}

proptest! {
    #[test]
    fn a_table_means_the_same((names, rows) in table(), always in any::<bool>(), crlf in any::<bool>()) {
        prop_assert!(check(&print(&names, &rows, always, crlf)));
    }

    #[test]
    fn a_changed_table_means_the_same((names, rows) in table(), always in any::<bool>(), crlf in any::<bool>(), edits in edits(4)) {
        let mut body = print(&names, &rows, always, crlf);
        apply(&mut body, &edits);
        check(&body);
    }

    #[test]
    fn any_pieces_are_survived(edits in edits(40)) {
        let mut body = b"timestamp,path,userAgent\n".to_vec();
        apply(&mut body, &edits);
        check(&body);
    }

    #[test]
    fn any_bytes_are_survived(tail in vec(any::<u8>(), 0..200)) {
        check(&tail);
        check(&[b"timestamp,path,userAgent\n", tail.as_slice()].concat());
    }
}
