#![allow(clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Duration;

use super::{Engine, Question, STACK};
use crate::config::Limits;
use crate::error::{Limit, QueryError};
use crate::format::Form;
use crate::testing::{LIMITS, answer, engine, pairs};

async fn error(engine: &Arc<Engine>, sql: &str) -> QueryError {
    answer(engine, sql, Form::Csv).await.expect_err(sql)
}

async fn mistake(engine: &Arc<Engine>, sql: &str) -> String {
    match error(engine, sql).await {
        QueryError::Statement(text) => text,
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_nobody_has_made_is_empty_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), LIMITS);
    let sql = "SELECT * FROM logs";
    let columns = "timestamp,timestamp_nanos,severity,severity_number,body,trace_id,span_id,service_name,\
                   deployment_environment,host_name,event_name,scope_name,attributes\n";
    assert_eq!(answer(&engine, sql, Form::Csv).await.unwrap(), columns);
    let sql = "SELECT count(*) AS n, max(timestamp) AS t FROM default.logs WHERE attributes['k'] = 'v'";
    assert_eq!(answer(&engine, sql, Form::Ndjson).await.unwrap(), "{\"n\":0,\"t\":null}\n");
    assert!(!dir.path().join("lake").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_there_are_told_with_the_ones_that_are() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), LIMITS);
    assert_eq!(
        mistake(&engine, "SELECT * FROM log").await,
        "there is no table `log`; did you mean `logs`? there are logs, web_logs"
    );
    assert_eq!(
        mistake(&engine, "SELECT * FROM other.logs").await,
        "there is no table `other.logs`; did you mean `logs`? there are logs, web_logs"
    );
    assert_eq!(
        mistake(&engine, "SELECT * FROM elsewhere").await,
        "there is no table `elsewhere` here: it is not here"
    );
    assert_eq!(
        mistake(&engine, "SELECT path,\n  usr_agent FROM web_logs").await,
        "there is no column `usr_agent`; did you mean `user_agent`? there are timestamp, customer, method, path, user_agent, \
         attributes (line 2, column 3)"
    );
    assert!(mistake(&engine, "SELECT lenth(path) FROM web_logs").await.contains("length"));
    assert!(mistake(&engine, "SELECT * FROM '/etc/passwd'").await.contains("no table"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_function_and_no_table_reads_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret.csv");
    std::fs::write(&file, "a\n1\n").unwrap();
    let engine = engine(dir.path(), LIMITS);
    let file = file.display();
    for sql in [
        format!("SELECT * FROM '{file}'"),
        format!("SELECT * FROM \"file://{file}\""),
        format!("SELECT * FROM read_csv('{file}')"),
        format!("SELECT * FROM read_parquet('{file}')"),
        format!("SELECT * FROM parquet_metadata('{file}')"),
        format!("SELECT * FROM scan_csv('{file}')"),
        format!("SELECT read_file('{file}')"),
        format!("SELECT load_file('{file}')"),
        "SELECT * FROM information_schema.tables".to_owned(),
    ] {
        mistake(&engine, &sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_the_most_rows_that_are_allowed_or_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Limits { max_rows: 3, ..LIMITS });
    assert_eq!(answer(&engine, "VALUES (1), (2), (3)", Form::Csv).await.unwrap().lines().count(), 4);
    match error(&engine, "VALUES (1), (2), (3), (4)").await {
        QueryError::Limit { limit: Limit::Rows, text } => {
            assert!(text.contains("more than 3 rows (query.max_rows)") && text.contains("LIMIT"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let question = Question { sql: "VALUES (1), (2), (3), (4)".to_owned(), first: Some(2) };
    let mut first = engine.ask(question).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap().num_rows(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_ends_with_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let engine =
        engine(dir.path(), Limits { timeout: Duration::from_millis(300), memory: 4 << 30, ..LIMITS });
    match error(&engine, &format!("{}, v AS c", pairs("sum(a.x * b.x + c.x)"))).await {
        QueryError::Limit { limit: Limit::Time, text } => assert!(text.contains("query.timeout"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        answer(&engine, "SELECT 1 AS a", Form::Csv).await.unwrap(),
        "a\n1\n",
        "its turn is free again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_needs_too_much_memory_ends_with_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Limits { memory: 1 << 20, ..LIMITS });
    match error(&engine, &format!("{} GROUP BY 1, 2 ORDER BY 3", pairs("a.x, b.x AS y, count(*)"))).await {
        QueryError::Limit { limit: Limit::Memory, text } => {
            assert!(text.contains("1 MiB") && text.contains("query.memory"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_questions_are_answered_at_once_and_more_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), Limits { concurrency: 1, max_rows: u64::MAX, ..LIMITS });
    let long = Question { sql: pairs("a.x"), first: None };
    let first = engine.ask(long).await.unwrap();
    match error(&engine, "SELECT 1").await {
        QueryError::Busy(text) => assert!(text.contains("query.concurrency"), "{text}"),
        other => panic!("{other:?}"),
    }
    drop(first);
    // The task hears of it at its next step.
    while let Err(error) = answer(&engine, "SELECT 1", Form::Csv).await {
        assert!(matches!(error, QueryError::Busy(_)), "{error:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_make_much_of_nothing_are_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), LIMITS);
    for call in [
        "repeat('x', 9)",
        "lpad('x', 9)",
        "rpad('x', 9)",
        "range(9)",
        "generate_series(1, 9)",
        "array_repeat(1, 9)",
        "list_repeat(1, 9)",
        "array_resize([1], 9)",
    ] {
        mistake(&engine, &format!("SELECT {call}")).await;
    }
    mistake(&engine, "SELECT * FROM generate_series(1, 9)").await;
}

#[test]
fn the_deepest_statement_that_is_taken_fits_into_the_stack_that_is_asked_for() {
    let threads =
        tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let deep = [
        format!("SELECT 1{} AS n", " + 1".repeat(500)),
        format!("SELECT count(*) AS n FROM web_logs WHERE path = 'a'{}", " OR path || 'a' = 'b'".repeat(160)),
        format!("SELECT 1 AS n{}", " UNION ALL SELECT 1".repeat(500)),
        format!("SELECT {} 1 AS n", "- ".repeat(45)),
        format!("SELECT count(*) AS n FROM {}web_logs{}", "(SELECT * FROM ".repeat(15), ")".repeat(15)),
        format!(
            "SELECT count(*) AS n FROM web_logs{}",
            (0..49).map(|n| format!(", web_logs a{n}")).collect::<String>()
        ),
    ];
    let done = threads.block_on(threads.spawn(async move {
        let engine = engine(dir.path(), LIMITS);
        for sql in deep {
            let text = answer(&engine, &sql, Form::Csv).await.expect(&sql);
            assert!(text.starts_with("n\n"), "{text}");
        }
    }));
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_computed_is_the_statements_fault() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), LIMITS);
    assert!(mistake(&engine, "SELECT 1 / 0").await.contains("zero"));
    assert!(mistake(&engine, "SELECT 'a'::int").await.contains("a"));
    assert!(mistake(&engine, "SELECT 1 AS a, 2 AS a").await.contains("a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_of_logs_expect_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), LIMITS);
    for (sql, expected) in [
        ("SELECT upper('a') || lower('B') AS a", "Ab"),
        ("SELECT regexp_replace('/u/12', '[0-9]+', 'N') AS a", "/u/N"),
        ("SELECT 'abc' ~ '^a.c$' AS a", "true"),
        ("SELECT date_trunc('hour', TIMESTAMP '2025-12-28T06:59:59Z') AS a", "2025-12-28T06:00:00"),
        (
            "SELECT date_bin(interval '15 minutes', TIMESTAMP '2025-12-28T06:59:59Z') AS a",
            "2025-12-28T06:45:00",
        ),
        ("SELECT extract(hour FROM TIMESTAMP '2025-12-28T06:59:59Z') AS a", "6"),
        ("SELECT split_part('a.b.c', '.', 2) AS a", "b"),
        ("SELECT now() > now() - interval '1 hour' AS a", "true"),
        ("SELECT approx_percentile_cont(x, 0.5) AS a FROM (VALUES (1), (50), (99)) AS t(x)", "50"),
        ("SELECT row_number() OVER (ORDER BY x) AS a FROM (VALUES (7)) AS t(x)", "1"),
        ("SELECT coalesce(NULL, 'x') AS a", "x"),
    ] {
        assert_eq!(answer(&engine, sql, Form::Csv).await.unwrap(), format!("a\n{expected}\n"), "{sql}");
    }
}
