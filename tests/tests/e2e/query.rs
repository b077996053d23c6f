//! SQL: by the command, over HTTP, and by engines that are not ours.

mod answers;
mod deleted;
mod refused;
mod rest;
mod web_logs;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use logmill_e2e::{Answer, Lake, Sending, Server, Setup, eventually};
use serde_json::Value;

use crate::process::logmill;

/// A server whose rows are committed soon.
fn setup(dir: &Path) -> Setup {
    Setup::new(dir).set("lake.flush.interval=300ms")
}

/// Sends numbered records of one client, and waits until the table has `all` rows.
fn send(server: &Server, dir: &Path, client: &str, records: u32, all: u64) {
    let (protocol, to) = ("http", server.otlp_http());
    let _ = Sending { client, protocol, to, records, batch: 50, options: &[] }.run(dir);
    eventually("all records are delivered", Duration::from_secs(60), || {
        let ledger = server.drained();
        let row = ledger["ledger"].as_array()?.iter().find(|row| row["sink"] == "lake")?.clone();
        (row["delivered"] == all).then_some(())
    });
}

/// `logmill query` on a data folder.
fn query(dir: &Path, sql: &str, options: &[&str]) -> Output {
    let dir = dir.to_str().unwrap();
    logmill(&[&["query", sql, "--data-dir", dir], options].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The rows of a statement by the command: the values of each, in order.
fn by_command(dir: &Path, sql: &str) -> Vec<Vec<Value>> {
    by_command_with(dir, sql, &[])
}

fn by_command_with(dir: &Path, sql: &str, options: &[&str]) -> Vec<Vec<Value>> {
    let output = query(dir, sql, &[&["--format", "json"], options].concat());
    assert_eq!(output.status.code(), Some(0), "{sql}: {}", text(&output.stderr));
    let row = |line: &str| values(&serde_json::from_str(line).unwrap());
    text(&output.stdout).lines().map(row).collect()
}

fn values(object: &Value) -> Vec<Value> {
    object.as_object().unwrap().values().cloned().collect()
}

/// Asks over HTTP.
fn ask(server: &Server, accept: &str, sql: &str) -> Answer {
    let head = "POST /api/v1/query HTTP/1.1\r\nhost: test\r\ncontent-type: application/sql";
    let request = format!("{head}\r\naccept: {accept}\r\ncontent-length: {}\r\n\r\n{sql}", sql.len());
    server.connect().raw(request.as_bytes()).unwrap()
}

fn by_http(server: &Server, sql: &str) -> Vec<Vec<Value>> {
    let answer = ask(server, "application/json", sql);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().iter().map(values).collect()
}

/// The rows of each statement by an engine that is not ours.
fn by_others(lake: &Lake, engine: &str, statements: &[&str]) -> Vec<Vec<Vec<Value>>> {
    let said = lake.sql(&[&["--engine", engine], statements].concat());
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
