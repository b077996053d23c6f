//! Rows against those of `tests/checker/otlp_rows.py`, which decodes by Python's own protobuf:
//! `otlp_rows.py --received-at 1795197641100000 REQUEST` printed `*.jsonl` here.

mod attributes;
mod order;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use logmill_otlp::{Limits, to_protobuf};
use serde_json::{Map, Value, json};

use super::{BESIDE, Collected, Counts, Rows, Window, batches, schema};

/// When the requests arrived.
const RECEIVED: i64 = 1_795_197_641_100_000;

const REAL: &[u8] = include_bytes!("../../../../otlp/tests/data/http_logs.pb");

/// All rows as the lines that the checker prints, in the order of the days and batches.
fn lines(of: &[&Collected]) -> Vec<String> {
    let mut days: Vec<i32> = of.iter().flat_map(|collected| collected.days()).collect();
    days.sort_unstable();
    days.dedup();
    let all = days.into_iter().flat_map(|day| {
        let rows: Vec<String> = batches(of, day).flat_map(|batch| in_day(&batch.unwrap(), day)).collect();
        rows
    });
    all.collect()
}

fn in_day(batch: &RecordBatch, day: i32) -> Vec<String> {
    let days = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    assert!(days.values().iter().all(|micros| micros.div_euclid(86_400_000_000) == i64::from(day)));
    (0..batch.num_rows()).map(|row| line(batch, row)).collect()
}

fn line(batch: &RecordBatch, row: usize) -> String {
    let mut columns = Map::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        columns.insert(field.name().clone(), cell(column, row));
    }
    Value::Object(columns).to_string()
}

fn cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return json!(texts.value(row));
    }
    if let Some(map) = column.as_map_opt() {
        let pairs = map.value(row);
        let (keys, values) = (pairs.column(0).as_string::<i32>(), pairs.column(1).as_string::<i32>());
        let pairs = (0..keys.len()).map(|at| (keys.value(at).to_owned(), cell(values, at)));
        return Value::Object(pairs.collect());
    }
    if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return json!(times.value(row));
    }
    if let Some(numbers) = column.as_primitive_opt::<Int32Type>() {
        return json!(numbers.value(row));
    }
    json!(column.as_primitive::<Int64Type>().value(row))
}

fn collected(requests: &[&[u8]]) -> Collected {
    let mut rows = Rows::new(Window::default());
    for request in requests {
        rows.append(&Bytes::copy_from_slice(request), RECEIVED).unwrap();
    }
    rows.finish()
}

fn protobuf(json: &str) -> Vec<u8> {
    to_protobuf(json.as_bytes(), &Limits::default()).unwrap()
}

/// A request with records of these times, of a service.
fn request(service: Option<&str>, nanos: &[i64]) -> Vec<u8> {
    let resource = service.map(|name| json!([{ "key": "service.name", "value": { "stringValue": name } }]));
    let records: Vec<Value> = nanos.iter().map(|nanos| json!({ "timeUnixNano": nanos })).collect();
    let logs = json!({ "resource": { "attributes": resource }, "scopeLogs": [{ "logRecords": records }] });
    protobuf(&json!({ "resourceLogs": [logs] }).to_string())
}

fn same_rows(request: &[u8], expected: &str) {
    let mut found = lines(&[&collected(&[request])]);
    found.sort();
    let expected: Vec<&str> = expected.lines().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_real_request() {
    same_rows(REAL, include_str!("http_logs.jsonl"));
}

#[test]
fn each_kind_of_value() {
    same_rows(&protobuf(include_str!("kinds.json")), include_str!("kinds.jsonl"));
}

#[test]
fn columns_have_the_types_and_ids_of_the_table() {
    let expected = include_str!("schema.txt");
    let id = |field: &arrow_schema::Field| field.metadata()["PARQUET:field_id"].clone();
    let mut found = String::new();
    for field in schema().fields() {
        let kind = match field.data_type() {
            arrow_schema::DataType::Map(entries, _) => {
                let arrow_schema::DataType::Struct(parts) = entries.data_type() else {
                    panic!("{entries:?}")
                };
                let part = |part: &arrow_schema::FieldRef| {
                    format!("{} {} {} {}", id(part), part.name(), part.data_type(), part.is_nullable())
                };
                format!("Map({}, {})", part(&parts[0]), part(&parts[1]))
            }
            kind => kind.to_string(),
        };
        found.push_str(&format!("{} {} {kind} {}\n", id(field), field.name(), field.is_nullable()));
    }
    assert_eq!(found, expected);
    let rows = collected(&[REAL]);
    let batch = batches(&[&rows], 20_777).next().unwrap().unwrap();
    assert_eq!(batch.schema(), schema());
}

#[test]
fn what_was_mended_is_counted() {
    let counted = |request: &[u8]| {
        let collected = collected(&[request]);
        let counts = collected.days().map(|day| {
            let mut rows = batches(&[&collected], day);
            rows.by_ref().for_each(|batch| drop(batch.unwrap()));
            rows.counts()
        });
        counts.fold(Counts::default(), |sum, of_day| Counts {
            strings: sum.strings + of_day.strings,
            ids: sum.ids + of_day.ids,
            times: sum.times + of_day.times,
        })
    };
    // Two ids are short; three times are beyond the window.
    let kinds = counted(&protobuf(include_str!("kinds.json")));
    assert_eq!(kinds, Counts { strings: 0, ids: 2, times: 3 });
    let mut broken = REAL.to_vec();
    for at in 0..broken.len() {
        // The body `plain body é` and the key `user`, which two records have.
        if broken[at..].starts_with("é".as_bytes()) || broken[at..].starts_with(b"user\x12") {
            broken[at] = 0xff;
        }
    }
    assert_eq!(counted(&broken), Counts { strings: 3, ids: 0, times: 0 });
    let lines = lines(&[&collected(&[&broken])]);
    assert!(lines.iter().any(|line| line.contains("plain body \u{fffd}\u{fffd}")), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("\u{fffd}ser")).count(), 2);
}

#[test]
fn a_frame_that_does_not_decode_changes_nothing() {
    let mut rows = Rows::new(Window::default());
    assert_eq!(rows.append(&Bytes::from_static(REAL), RECEIVED), Ok(3));
    let before = (rows.collected().rows(), rows.collected().payload(), rows.collected().held());
    // The first records are right, the last one is cut off.
    let cut = &REAL[..REAL.len() - 1];
    let error = rows.append(&Bytes::from_static(cut), RECEIVED).unwrap_err();
    assert_eq!(error.path, "resource_logs[0]");
    let mut wrong = REAL.to_vec();
    let observed = wrong.len() - 9;
    wrong[observed] = 0x58;
    let error = rows.append(&wrong.into(), RECEIVED).unwrap_err();
    assert!(error.path.ends_with("log_records[0]"), "{error}");
    assert_eq!((rows.collected().rows(), rows.collected().payload(), rows.collected().held()), before);
    assert_eq!(lines(&[&rows.finish()]).len(), 3);
}

#[test]
fn finishing_begins_anew() {
    let mut rows = Rows::new(Window::default());
    rows.append(&Bytes::from_static(REAL), RECEIVED).unwrap();
    rows.append(&Bytes::new(), RECEIVED).unwrap();
    let first = rows.finish();
    assert_eq!((first.rows(), first.payload(), first.days().collect::<Vec<_>>()), (3, 1134, vec![20_777]));
    assert_eq!(
        (rows.collected().rows(), rows.collected().payload(), rows.collected().days().len()),
        (0, 0, 0)
    );
    rows.append(&Bytes::from_static(REAL), RECEIVED).unwrap();
    // What is finished can be written again, alone or with others.
    assert_eq!(lines(&[&first]), lines(&[&rows.finish()]));
    assert_eq!(lines(&[&first, &first]).len(), 6);
}

#[test]
fn contexts_are_kept_once() {
    let held = |requests: usize| collected(&vec![REAL; requests]).held();
    // Payload, entries and nothing else: a vector's capacity is at most twice its length.
    let grown = held(1001) - held(1);
    assert!((1000 * 1134..1000 * (1134 + BESIDE + 6 * 24)).contains(&grown), "{grown}");
}
