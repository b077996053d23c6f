//! Days, sorting, and the size of batches.

use super::{Collected, Rows, Window, batches, collected, lines, request};

const SECOND: i64 = 1_000_000_000;
const NOON: i64 = 1_795_176_000 * SECOND;

/// Service and time of each row, in order.
fn rows(of: &[&Collected]) -> Vec<(Option<String>, i64)> {
    let read = |line: String| {
        let row: serde_json::Value = serde_json::from_str(&line).unwrap();
        (row["service_name"].as_str().map(str::to_owned), row["timestamp_nanos"].as_i64().unwrap() - NOON)
    };
    lines(of).into_iter().map(read).collect()
}

fn expected(rows: &[(Option<&str>, i64)]) -> Vec<(Option<String>, i64)> {
    rows.iter().map(|(service, nanos)| (service.map(str::to_owned), *nanos)).collect()
}

#[test]
fn by_service_then_time_with_nulls_first() {
    let requests = [
        request(Some("b"), &[NOON + 2000, NOON + 1000]),
        request(None, &[NOON + 9000]),
        request(Some("a"), &[NOON + 5000]),
        request(Some(""), &[NOON + 7000]),
        // In the table's microseconds the two are equal and stay as they came.
        request(Some("b"), &[NOON + 1999, NOON + 1998, NOON]),
    ];
    let all: Vec<&[u8]> = requests.iter().map(Vec::as_slice).collect();
    let order = expected(&[
        (None, 9000),
        (Some(""), 7000),
        (Some("a"), 5000),
        (Some("b"), 0),
        (Some("b"), 1000),
        (Some("b"), 1999),
        (Some("b"), 1998),
        (Some("b"), 2000),
    ]);
    assert_eq!(rows(&[&collected(&all)]), order);
    let (first, second) = all.split_at(3);
    assert_eq!(rows(&[&collected(first), &collected(second)]), order, "of two collections");
}

#[test]
fn each_day_has_its_rows() {
    const DAY: i64 = 86_400 * SECOND;
    let midnight = NOON - 12 * 3600 * SECOND;
    let request =
        request(Some("a"), &[midnight, midnight - 1, midnight + DAY - 1, midnight - DAY, midnight - DAY - 1]);
    let collected = collected(&[&request]);
    let first = i32::try_from(midnight / DAY).unwrap();
    let counts = |day: i32| batches(&[&collected], day).map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    assert_eq!(collected.days().collect::<Vec<_>>(), [first - 2, first - 1, first]);
    assert_eq!([first - 3, first - 2, first - 1, first, first + 1].map(counts), [0, 1, 2, 2, 0]);
}

#[test]
fn times_before_1970_belong_to_the_day_before() {
    let mut rows = Rows::new(Window::default());
    rows.append(&request(None, &[0]).into(), -1).unwrap();
    let collected = rows.finish();
    assert_eq!(collected.days().collect::<Vec<_>>(), [-1]);
    assert_eq!(lines(&[&collected]).len(), 1);
}

#[test]
fn batches_end_after_8192_rows_or_8_mib() {
    let sizes = |collected: &Collected| {
        let day = collected.days().next().unwrap();
        batches(&[collected], day).map(|batch| batch.unwrap().num_rows()).collect::<Vec<_>>()
    };
    let many = request(Some("a"), &vec![NOON; 20_000]);
    assert_eq!(sizes(&collected(&[&many])), [8192, 8192, 3616]);
    // A name of 1 MiB in each row.
    let long = request(Some(&"x".repeat(1 << 20)), &[NOON; 20]);
    assert_eq!(sizes(&collected(&[&long])), [8, 8, 4]);
}

#[test]
fn a_clock_beyond_all_years_is_no_problem() {
    for received in [i64::MAX, i64::MIN, 0] {
        let mut rows = Rows::new(Window::default());
        rows.append(&request(None, &[NOON, 0]).into(), received).unwrap();
        assert_eq!(lines(&[&rows.finish()]).len(), 2);
    }
}
