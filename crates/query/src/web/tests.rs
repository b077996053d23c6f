use super::files::HourlyFile;
use crate::engine::Question;
use crate::error::QueryError;
use crate::format::Form;
use crate::judge::{Judgement, Op, Value};
use crate::stats::Figures;
use crate::testing::{LIMITS, answer, engine, hour};

const SIX: &str = r#"{"timestamp":"2025-12-28T06:00:00.123456789Z","method":"GET","path":"/a","userAgent":"curl/8","status":200,"user":{"id":7},"note":"say \"hi\"\n"}
{"timestamp":"2025-12-28T06:59:59Z","path":"/b","userAgent":""}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_rows_with_every_further_field_in_a_map() {
    let dir = tempfile::tempdir().unwrap();
    hour(dir.path(), "2025-12-28/06.log.json", SIX);
    let sql = "SELECT * FROM web_logs ORDER BY timestamp";
    assert_eq!(
        answer(&engine(dir.path(), LIMITS), sql, Form::Ndjson).await.unwrap(),
        concat!(
            r#"{"timestamp":"2025-12-28T06:00:00.123456Z","customer":"default","method":"GET","path":"/a","user_agent":"curl/8","#,
            r#""attributes":{"status":"200","user":"{\"id\":7}","note":"say \"hi\"\n"}}"#,
            "\n",
            r#"{"timestamp":"2025-12-28T06:59:59Z","customer":"default","method":null,"path":"/b","user_agent":"","attributes":{}}"#,
            "\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_map_is_a_value() {
    let dir = tempfile::tempdir().unwrap();
    hour(dir.path(), "2025-12-28/06.log.json", SIX);
    let sql =
        "SELECT attributes['status'] AS s, count(*) AS n FROM web_logs GROUP BY 1 ORDER BY 1 NULLS LAST";
    assert_eq!(answer(&engine(dir.path(), LIMITS), sql, Form::Csv).await.unwrap(), "s,n\n200,1\n,1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_on_its_way_is_no_row_yet() {
    let dir = tempfile::tempdir().unwrap();
    hour(dir.path(), "2025-12-28/06.log.json", &format!("{SIX}{{\"timestamp\":\"2025-12-28T06:1"));
    let sql = "SELECT count(*) AS n FROM web_logs";
    assert_eq!(answer(&engine(dir.path(), LIMITS), sql, Form::Csv).await.unwrap(), "n\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_web_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    hour(dir.path(), "2025-12-28/06.log.json", &format!("{SIX}nothing\n"));
    let error =
        answer(&engine(dir.path(), LIMITS), "SELECT count(path) FROM web_logs", Form::Csv).await.unwrap_err();
    let QueryError::Unavailable(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("06.log.json") && text.contains(&format!("byte {}", SIX.len())), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_larger_than_a_piece_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let line = |n: usize| {
        format!(
            "{{\"timestamp\":\"2025-12-28T06:00:00Z\",\"path\":\"/{n}\",\"userAgent\":\"{}\"}}\n",
            "x".repeat(n % 977)
        )
    };
    // One line alone is larger than a piece.
    let long = format!(
        "{{\"timestamp\":\"2025-12-28T06:00:00Z\",\"path\":\"/long\",\"userAgent\":\"{}\"}}\n",
        "y".repeat(3 << 20)
    );
    let lines: String = (0..4000).map(line).chain([long]).chain((4000..8000).map(line)).collect();
    hour(dir.path(), "2025-12-28/06.log.json", &lines);
    let sql = "SELECT count(*) AS n, count(DISTINCT path) AS d, max(length(user_agent)) AS l FROM web_logs";
    assert_eq!(
        answer(&engine(dir.path(), LIMITS), sql, Form::Csv).await.unwrap(),
        format!("n,d,l\n8001,8001,{}\n", 3 << 20)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_hours_and_customers_that_are_asked_for_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let line = |time: &str| format!("{{\"timestamp\":\"{time}\",\"path\":\"/\",\"userAgent\":\"\"}}\n");
    for (place, time) in [
        ("2025-12-27/23.log.json", "2025-12-27T23:30:00Z"),
        ("2025-12-28/06.log.json", "2025-12-28T06:30:00Z"),
        ("2025-12-28/07.log.json", "2025-12-28T07:30:00Z"),
        ("acme/2025-12-28/07.log.json", "2025-12-28T07:30:00Z"),
        ("2025-12-28/2025-12-28/07.log.json", "2025-12-28T07:30:00Z"),
    ] {
        hour(dir.path(), place, &line(time));
    }
    hour(dir.path(), ".logmill/journal-1", "no line");
    hour(dir.path(), "2025-12-28/notes.txt", "no line");
    let engine = engine(dir.path(), LIMITS);
    for (filter, matched, rows) in [
        ("true", 5, 5),
        ("timestamp >= '2025-12-28T07:00:00Z'", 3, 3),
        ("timestamp >= '2025-12-28T08:00:00+01:00'", 3, 3),
        ("timestamp < '2025-12-28'", 1, 1),
        ("timestamp::date = '2025-12-28' AND customer = 'default'", 2, 2),
        ("customer = 'acme'", 1, 1),
        ("customer IN ('acme', '2025-12-28')", 2, 2),
        ("customer LIKE 'ac%' OR timestamp < '2025-12-28T00:00:00Z'", 2, 2),
        ("timestamp > now()", 0, 0),
        ("path = '/none'", 5, 0),
    ] {
        let sql = format!("SELECT customer FROM web_logs WHERE {filter}");
        let mut answer = engine.ask(Question { sql, first: None }).await.unwrap();
        let mut found = 0;
        while let Some(batch) = answer.next().await.unwrap() {
            found += batch.num_rows();
        }
        let Figures { matched: files, skipped, opened, .. } = answer.figures();
        assert_eq!((files, skipped, opened, found), (matched, 5 - matched, matched, rows), "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_has_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    let sql = "SELECT timestamp, path FROM web_logs";
    assert_eq!(answer(&engine(dir.path(), LIMITS), sql, Form::Csv).await.unwrap(), "timestamp,path\n");
}

#[test]
fn the_borders_of_an_hour_belong_to_it_and_to_no_other() {
    let file = HourlyFile { customer: "a".to_owned(), begin: 3_600_000_000, path: "x".into() };
    for (op, time, can) in [
        (Op::Less, 3_600_000_000, false),
        (Op::Less, 3_600_000_001, true),
        (Op::LessOrEqual, 3_600_000_000, true),
        (Op::Greater, 7_199_999_999, false),
        (Op::Greater, 7_199_999_998, true),
        (Op::GreaterOrEqual, 7_199_999_999, true),
        (Op::Equal, 7_200_000_000, false),
        (Op::Equal, 7_199_999_999, true),
    ] {
        let judgement = Judgement::Compare("timestamp".to_owned(), op, Value::Time(time));
        assert_eq!(file.can_match(&judgement), can, "{op:?} {time}");
    }
}
