use super::read;
use crate::error::QueryError;

fn refusal(sql: &str) -> String {
    match read(sql) {
        Err(QueryError::NotAQuery(text)) => text,
        other => panic!("{sql}: {other:?}"),
    }
}

fn mistake(sql: &str) -> String {
    match read(sql) {
        Err(QueryError::Statement(text)) => text,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn only_queries_are_taken() {
    for sql in [
        "SELECT 1",
        "select 1;",
        "VALUES (1), (2)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
    ] {
        assert!(read(sql).is_ok(), "{sql}");
    }
}

#[test]
fn everything_else_is_refused_by_its_name() {
    for sql in [
        "INSERT INTO logs SELECT * FROM logs",
        "UPDATE logs SET body = ''",
        "DELETE FROM logs",
        "TRUNCATE TABLE logs",
        "MERGE INTO logs USING logs AS b ON true WHEN MATCHED THEN DELETE",
        "CREATE TABLE a AS SELECT 1",
        "CREATE VIEW a AS SELECT 1",
        "CREATE SCHEMA a",
        "CREATE EXTERNAL TABLE a STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE FUNCTION a() RETURNS INT RETURN 1",
        "DROP TABLE logs",
        "ALTER TABLE logs ADD COLUMN a INT",
        "COPY logs TO '/tmp/a.parquet'",
        "COPY (SELECT 1) TO '/tmp/a.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW ALL",
        "BEGIN",
        "COMMIT",
        "PREPARE a AS SELECT 1",
        "EXECUTE a",
        "DESCRIBE logs",
        "GRANT SELECT ON logs TO me",
    ] {
        let word = sql.split(' ').next().unwrap();
        assert!(refusal(sql).contains(word) || word == "DESCRIBE", "{sql}: {}", refusal(sql));
        assert!(refusal(sql).contains("nothing is changed"), "{sql}");
    }
    for inside in ["EXPLAIN DELETE FROM logs", "EXPLAIN ANALYZE INSERT INTO logs VALUES (1)"] {
        refusal(inside);
    }
    refusal("SELECT * INTO other FROM logs");
    refusal("WITH a AS (SELECT 1) INSERT INTO logs SELECT * FROM a");
}

#[test]
fn one_statement_is_taken_and_not_several() {
    for sql in ["", ";", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE logs"] {
        assert!(mistake(sql).contains("one statement"), "{sql}: {}", mistake(sql));
    }
}

#[test]
fn what_cannot_be_read_has_its_place() {
    assert_eq!(
        mistake("SELECT *\nFROM logs WHERE )"),
        "the statement cannot be read: Expected: an expression, found: ) at line 2, column 17"
    );
    assert!(mistake("SELECT 'open").contains("line 1"), "{}", mistake("SELECT 'open"));
}

#[test]
fn what_is_too_large_to_plan_is_refused() {
    let thread = std::thread::Builder::new().stack_size(crate::STACK).spawn(too_large);
    thread.unwrap().join().unwrap();
}

fn too_large() {
    assert!(mistake(&format!("SELECT '{}'", "x".repeat(65_536))).contains("bytes"));
    assert!(mistake(&format!("SELECT 1{}", " + 1".repeat(501))).contains("operators"));
    assert!(read(&format!("SELECT 1{}", " + 1".repeat(499))).is_ok());
    assert!(read(&format!("SELECT 1 WHERE 1 IN (1{})", ", 1".repeat(10_000))).is_ok(), "a list is no depth");
    assert!(mistake(&format!("SELECT 1 FROM logs{}", ", logs".repeat(50))).contains("51 tables"));
    assert!(mistake(&format!("SELECT {}1{}", "(".repeat(200), ")".repeat(200))).contains("recursion"));
}

#[test]
fn names_of_a_with_do_not_multiply() {
    let doubling = (1..8).map(|n| format!("a{n} AS (SELECT * FROM a{0}, a{0})", n - 1)).collect::<Vec<_>>();
    let sql = format!("WITH a0 AS (SELECT * FROM logs), {} SELECT * FROM a7", doubling.join(", "));
    assert!(mistake(&sql).contains("tables"), "{}", mistake(&sql));
    assert!(mistake("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a)").contains("beginning"));
}
