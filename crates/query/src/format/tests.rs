use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::ipc::reader::StreamReader;

use super::{Form, Writer};
use crate::error::QueryError;

fn rows() -> RecordBatch {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_value("a \"b\"\n");
    map.keys().append_value("none");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        (
            "t",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_766_901_600_000_001), None])
                    .with_timezone("+00:00"),
            ),
        ),
        ("n", Arc::new(Int64Array::from(vec![Some(-7), Some(12)]))),
        ("f", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("x,\"y\"\u{1b}[31m"), None]))),
        ("m", Arc::new(map.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn write(form: Form, schema: &SchemaRef, batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = Writer::new(form, schema).unwrap();
    let mut bytes = Vec::new();
    batches.iter().for_each(|rows| bytes.extend(writer.rows(rows).unwrap()));
    bytes.extend(writer.end().unwrap());
    bytes
}

fn text(form: Form, batches: &[RecordBatch]) -> String {
    String::from_utf8(write(form, &rows().schema(), batches)).unwrap()
}

const FIRST: &str = r#"{"t":"2025-12-28T06:00:00.000001Z","n":-7,"f":0.5,"s":"x,\"y\"\u001b[31m","m":{"k":"a \"b\"\n","none":null}}"#;
const SECOND: &str = r#"{"t":null,"n":12,"f":null,"s":null,"m":null}"#;

#[test]
fn json_is_an_object_a_row() {
    assert_eq!(text(Form::Ndjson, &[rows()]), format!("{FIRST}\n{SECOND}\n"));
    assert_eq!(text(Form::Ndjson, &[]), "");
    assert_eq!(text(Form::Json, &[rows(), rows()]), format!("[{FIRST},\n{SECOND},\n{FIRST},\n{SECOND}]\n"));
    assert_eq!(text(Form::Json, &[]), "[]\n");
    assert_eq!(text(Form::Json, &[rows().slice(0, 0)]), "[]\n");
}

#[test]
fn two_columns_of_one_name_are_no_json() {
    let field = || Field::new("a", DataType::Int64, true);
    let schema = Arc::new(Schema::new(vec![field(), field()]));
    assert!(
        matches!(Writer::new(Form::Json, &schema), Err(QueryError::Statement(text)) if text.contains("`a`"))
    );
    assert!(Writer::new(Form::Csv, &schema).is_ok());
}

#[test]
fn csv_has_maps_as_json() {
    let expected = concat!(
        "t,n,f,s,m\n",
        "2025-12-28T06:00:00.000001Z,-7,0.5,\"x,\"\"y\"\"\u{1b}[31m\",\"{\"\"k\"\":\"\"a \\\"\"b\\\"\"\\n\"\",\"\"none\"\":null}\"\n",
        ",12,,,\n"
    );
    assert_eq!(text(Form::Csv, &[rows()]), expected);
    assert_eq!(text(Form::Csv, &[]), "t,n,f,s,m\n");
}

#[test]
fn a_table_has_widths_and_no_control_characters() {
    let expected = concat!(
        "t                             n    f  s                   m\n",
        "---------------------------  --  ---  ------------------  -------------------------------\n",
        "2025-12-28T06:00:00.000001Z  -7  0.5  x,\"y\"\\u{1b}[31m     {\"k\":\"a \\\"b\\\"\\n\",\"none\":null}\n",
        "NULL                         12  NULL  NULL                NULL\n",
        "(2 rows)\n"
    );
    let found = text(Form::Table, &[rows()]);
    assert!(!found.contains('\u{1b}'), "{found}");
    let cells = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(cells(&found)[2..], cells(expected)[2..]);
    let begin = found.lines().map(|line| line.find("{\"k\"").or(line.rfind('m'))).collect::<Vec<_>>();
    assert_eq!(begin[0], begin[2], "columns stand below their names:\n{found}");
    assert_eq!(text(Form::Table, &[]).lines().last(), Some("(0 rows)"));
}

#[test]
fn arrow_is_a_stream_that_others_read() {
    let bytes = write(Form::Arrow, &rows().schema(), &[rows(), rows()]);
    let read = StreamReader::try_new(&bytes[..], None).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
    assert_eq!(read[1], rows());
}

#[test]
fn an_arrow_stream_that_is_cut_has_no_mark_of_its_end() {
    let whole = write(Form::Arrow, &rows().schema(), &[rows()]);
    let mut writer = Writer::new(Form::Arrow, &rows().schema()).unwrap();
    let cut = writer.rows(&rows()).unwrap();
    assert!(whole.starts_with(&cut) && whole.len() > cut.len());
    assert!(whole.ends_with(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), "the mark of the Arrow columnar format");
}
