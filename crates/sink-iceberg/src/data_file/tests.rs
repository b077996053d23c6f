use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};
use iceberg::spec::Datum;
use parquet::bloom_filter::Sbbf;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use super::metrics::{above, below};
use super::{Encoded, Place, describe, encode};

/// `rows` rows of one service; every `step`th microsecond from `first` on is one, and the trace's number.
fn batch(service: Option<&str>, first: i64, step: i64, rows: i64) -> RecordBatch {
    let times: Vec<i64> = (0..rows).map(|row| first + row * step).collect();
    let traces: ArrayRef =
        Arc::new(StringArray::from_iter_values(times.iter().map(|at| format!("{at:032x}"))));
    let services: ArrayRef = Arc::new(StringArray::from(vec![service; times.len()]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
    let columns = [("timestamp", 1, times), ("trace_id", 6, traces), ("service_name", 8, services)];
    let field = |(name, id, column): &(&str, i32, ArrayRef)| {
        let id = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
        Field::new(*name, column.data_type().clone(), true).with_metadata(id)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(.., column)| column).collect()).unwrap()
}

fn place() -> Place {
    Place { location: "file:///lake/one.parquet".to_owned(), day: 0, spec_id: 0, order_id: Some(1) }
}

fn encoded(batches: &[RecordBatch]) -> Encoded {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    encode(batches[0].schema(), rows, batches.iter().cloned().map(Ok)).unwrap()
}

#[test]
fn a_large_file_has_row_groups_with_filters_and_bounds_over_all_of_them() {
    let batches = [batch(None, 900_000, 1, 10), batch(Some("checkout-service-eu-1"), 0, 1, 199_990)];
    let encoded = encoded(&batches);
    let file = describe(&encoded.described, place()).unwrap();
    assert_eq!((file.record_count(), file.file_size_in_bytes()), (200_000, encoded.bytes.len() as u64));
    assert_eq!(
        (file.value_counts()[&8], file.null_value_counts()[&8], file.null_value_counts()[&1]),
        (200_000, 10, 0)
    );
    assert_eq!(file.lower_bounds()[&1], Datum::timestamptz_micros(0));
    assert_eq!(file.upper_bounds()[&1], Datum::timestamptz_micros(900_009));
    assert_eq!(file.lower_bounds()[&8], Datum::string("checkout-service"));
    assert_eq!(file.upper_bounds()[&8], Datum::string("checkout-servicf"));

    let options = ReadOptionsBuilder::new()
        .with_reader_properties(ReaderProperties::builder().set_read_bloom_filter(true).build())
        .build();
    let reader = SerializedFileReader::new_with_options(encoded.bytes, options).unwrap();
    let rows: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [131_072, 68_928]);
    let offsets = file.split_offsets().unwrap();
    assert_eq!((offsets.len(), offsets[0]), (2, 4), "the first row group begins behind the magic number");

    // Ten rows without a service come first, so the first row group ends with the trace 131,061.
    let first = reader.get_row_group(0).unwrap();
    let filter: &Sbbf = first.get_column_bloom_filter(1).unwrap();
    let has = |at: i64| filter.check(&format!("{at:032x}").as_str());
    assert!((0..131_062).chain(900_000..900_010).all(has));
    let wrong = (2_000_000..2_010_000).filter(|at| has(*at)).count();
    assert!(wrong < 300, "{wrong} of 10,000 lookups in vain; 100 are expected");
    assert!(first.get_column_bloom_filter(2).is_none());
}

#[test]
fn a_column_without_values_has_no_bounds() {
    let encoded = encoded(&[batch(None, 5, 1, 3)]);
    let file = describe(&encoded.described, place()).unwrap();
    assert!(!file.lower_bounds().contains_key(&8) && !file.upper_bounds().contains_key(&8));
    assert_eq!((file.null_value_counts()[&8], file.value_counts()[&8]), (3, 3));
}

#[test]
fn bounds_of_strings_are_cut_to_sixteen_code_points_and_stay_bounds() {
    // PyIceberg 0.12 comes to the same: truncate_upper_bound_text_string(text, 16).
    let long = "checkout-service-eu-1";
    assert_eq!(below(long.as_bytes()).unwrap(), "checkout-service");
    assert_eq!(above(long.as_bytes()).unwrap(), "checkout-servicf");
    assert_eq!(below(b"short").unwrap(), "short");
    assert_eq!(above(b"short").unwrap(), "short");
    let exact = "0123456789abcdef";
    assert_eq!(above(exact.as_bytes()).unwrap(), exact);

    let last = format!("{}tail", "\u{10ffff}".repeat(16));
    assert_eq!(above(last.as_bytes()), None);
    // PyIceberg keeps the characters behind the raised one; this bound is closer.
    let before = format!("a{}tail", "\u{10ffff}".repeat(15));
    assert_eq!(above(before.as_bytes()).unwrap(), "b");
    let gap = format!("{}\u{d7ff}tail", "a".repeat(15));
    assert_eq!(above(gap.as_bytes()).unwrap(), format!("{}\u{e000}", "a".repeat(15)));
    assert_eq!(above(b"\xff\xfe"), None);
}
