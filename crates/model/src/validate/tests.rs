use super::{MAX_ERRORS, Mode, Summary, validate};
use crate::testing::describe;
use crate::{Excess, Format, Invalid, Limits, Timestamp};

fn record(second: u64) -> String {
    let mut time = Vec::new();
    Timestamp::new(second, 0).unwrap().write(0, &mut time);
    format!(r#"{{"timestamp":"{}","path":"/","userAgent":""}}"#, String::from_utf8(time).unwrap())
}

fn array(records: &[String]) -> String {
    format!("[{}]", records.join(","))
}

fn at(second: u64) -> Option<Timestamp> {
    Timestamp::new(second, 0)
}

fn run(format: Format, body: &str, limits: Limits, mode: Mode) -> Result<Summary, Invalid> {
    validate(format, body.as_bytes(), &limits, mode)
}

#[test]
fn a_summary_counts() {
    let body = array(&[record(7200), record(60), record(99_999), record(60)]);
    let summary = run(Format::Json, &body, Limits::default(), Mode::Strict).unwrap();
    let expect = Summary { records: 4, accepted: 4, min: at(60), max: at(99_999), ..Summary::default() };
    assert_eq!(summary, expect);
    assert_eq!(run(Format::Json, "[]", Limits::default(), Mode::Strict), Ok(Summary::default()));
}

#[test]
fn lenient_rejects_by_index() {
    let body = array(&[record(50), "1".into(), record(70), "{}".into(), record(60)]);
    let summary = run(Format::Json, &body, Limits::default(), Mode::Lenient).unwrap();
    assert_eq!((summary.records, summary.accepted), (5, 3));
    assert_eq!((summary.min, summary.max), (at(50), at(70)));
    assert_eq!(summary.rejected, [1, 3]);
    let errors: Vec<_> = summary.errors.iter().map(describe).collect();
    assert_eq!(errors, ["1 -: a record must be a JSON object", "3 timestamp: `timestamp` is missing"]);
}

#[test]
fn the_time_of_a_rejected_record_does_not_count() {
    let body = array(&[record(50), record(10).replace("\"/\"", "\"\""), record(90).replace("\"/\"", "1")]);
    let limits = Limits { max_hours: 1, ..Limits::default() };
    let summary = run(Format::Json, &body, limits, Mode::Lenient).unwrap();
    assert_eq!((summary.min, summary.max), (at(50), at(50)));
}

#[test]
fn the_first_errors_are_told() {
    let mut records = vec![record(1)];
    records.extend(vec!["{}".to_owned(); 15]);
    for mode in [Mode::Strict, Mode::Lenient] {
        let errors = match run(Format::Ndjson, &records.join("\n"), Limits::default(), mode) {
            Ok(summary) => summary.errors,
            Err(Invalid::Malformed { errors }) => errors,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(errors.len(), MAX_ERRORS);
        assert!(errors.iter().zip(1..).all(|(error, index)| error.index == Some(index)));
    }
}

#[test]
fn an_error_of_the_body_fails_lenient_too_and_is_told() {
    for (count, place) in [(0, 0), (3, 3), (15, MAX_ERRORS - 1)] {
        let body = array(&vec!["{}".to_owned(); count]) + "x";
        let Err(Invalid::Malformed { errors }) = run(Format::Json, &body, Limits::default(), Mode::Lenient)
        else {
            panic!("{body}");
        };
        assert_eq!(errors.len(), place + 1);
        assert_eq!(errors[place].index, None);
    }
}

#[test]
fn too_many_records() {
    let limits = Limits { max_records: 3, ..Limits::default() };
    let excess = Excess { what: "records", limit: 3, setting: "limits.max_batch_records" };
    for valid in [true, false] {
        let element = if valid { record(1) } else { "1".to_owned() };
        assert!(run(Format::Json, &array(&vec![element.clone(); 3]), limits, Mode::Lenient).is_ok());
        let result = run(Format::Json, &array(&vec![element; 4]), limits, Mode::Lenient);
        assert_eq!(result, Err(Invalid::TooLarge(excess)));
    }
    assert_eq!(excess.to_string(), "the batch has more than 3 records (setting `limits.max_batch_records`)");
}

#[test]
fn too_many_hours() {
    let limits = Limits { max_hours: 2, ..Limits::default() };
    let hours = |hours: &[u64]| array(&hours.iter().map(|hour| record(hour * 3600)).collect::<Vec<_>>());
    assert!(run(Format::Json, &hours(&[1, 2, 1, 2, 2, 1]), limits, Mode::Strict).is_ok());
    let excess = Excess { what: "distinct hours", limit: 2, setting: "limits.max_hours_per_batch" };
    assert_eq!(
        run(Format::Json, &hours(&[1, 2, 1, 3]), limits, Mode::Strict),
        Err(Invalid::TooLarge(excess))
    );
}

#[test]
fn nesting_is_a_setting() {
    let body = array(&[record(1).replace("}", ",\"a\":[[]]}")]);
    let with =
        |max_nesting| run(Format::Json, &body, Limits { max_nesting, ..Limits::default() }, Mode::Strict);
    assert!(with(3).is_ok());
    assert!(with(2).is_err());
}
