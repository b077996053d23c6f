//! Counts by minute, hour and day, from the outside.

mod access_log;
mod backfill;
mod checker;
mod damage;
mod late;
mod many;
mod often;
mod restart;
mod told;

use std::path::Path;
use std::time::Duration;

use logmill_e2e::{Connection, Post, Server, Setup, eventually};
use serde_json::Value;

use crate::commands;

/// What was counted is visible, and summaries are written, within this.
const SOON: Duration = Duration::from_secs(60);

/// A process that makes counts visible and writes summaries as soon as it may.
fn setup(dir: &Path) -> Setup {
    counting_every(dir, "100ms")
}

/// The same, but counts become visible only so often.
fn counting_every(dir: &Path, interval: &str) -> Setup {
    Setup::new(dir).set(&format!("aggregation.flush_interval={interval}")).set("aggregation.interval=1s")
}

/// A record for `GET <path>` at a time.
fn record(time: &str, path: &str) -> String {
    format!(r#"{{"timestamp":"{time}","method":"GET","path":"{path}","userAgent":"curl/8.0"}}"#)
}

/// A batch of such records.
fn batch(records: &[(&str, &str)]) -> Post {
    let records: Vec<String> = records.iter().map(|(time, path)| record(time, path)).collect();
    Post::json(format!("[{}]", records.join(",")))
}

/// Stores a batch, and waits until it is counted.
fn count(server: &Server, customer: &str, records: &[(&str, &str)]) {
    let answer = server.post(&batch(records).with("x-customer-id", customer));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let _ = server.drained();
}

/// An answer that has to be 200, as JSON.
fn ask(server: &Server, path: &str) -> Value {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// The window of a customer's minute, such as `2026-03-01T10:05`.
fn minute(server: &Server, customer: &str, at: &str) -> Value {
    let path =
        format!("/api/v1/analytics?customer={customer}&window=minute&limit=100000&from={at}:00Z&to={at}:59Z");
    ask(server, &path)["series"][0].clone()
}

/// The summary file of a customer's hour, once it is there and `is_good`.
fn summary(data: &Path, customer: &str, hour: &str, is_good: impl Fn(&Value) -> bool) -> Value {
    let folder = data.join("analytics");
    let folder = if customer == "default" { folder } else { folder.join(customer) };
    let (day, hour) = hour.split_once('T').expect("an hour such as 2026-03-01T10");
    let path = folder.join(day).join(format!("summary_{hour}.json"));
    eventually(&format!("{} is written", path.display()), SOON, || {
        let summary = serde_json::from_slice(&std::fs::read(&path).ok()?).expect("a summary is whole");
        is_good(&summary).then_some(summary)
    })
}

/// All events about late records, as `logmill queue export --topic late` prints them.
fn late_events(data: &Path) -> Vec<Value> {
    let (code, text) = commands::run(data, &["queue", "export", "--topic", "late"]);
    assert_eq!(code, Some(0), "{text}");
    let frames = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let frames: Vec<Value> = frames.collect();
    let events = frames.iter().flat_map(|frame| frame["payload"].as_str().expect("events are text").lines());
    events.map(|line| serde_json::from_str(line).expect("an event is JSON")).collect()
}

/// Posts a load of several customers, each of which has records in several hours, in batches that repeat no key.
fn load(connection: &mut Connection, batches: std::ops::Range<u32>) {
    for number in batches {
        let customer = ["default", "acme", "b_2-x"][number as usize % 3];
        let records: Vec<String> = (0..200u32)
            .map(|n| {
                let (hour, minute) = ((number + n) % 9, (number * 7 + n) % 60);
                let path = format!("/page/{}?n={n}", (number * n) % 211);
                record(&format!("2026-03-0{}T0{hour}:{minute:02}:00Z", 1 + number % 4), &path)
            })
            .collect();
        let post = Post::json(format!("[{}]", records.join(","))).with("x-customer-id", customer);
        let answer = connection.post(&post).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}
