//! A sender who names a million paths.

use std::collections::BTreeMap;
use std::fmt::Write;

use logmill_e2e::{Post, Server};
use serde_json::Value;

use super::{ask, setup, summary};

const BATCHES: usize = 20;
const PATHS: usize = 50_000;
/// Records for `/` in each batch.
const ROOTS: usize = 3;
const SHOWN: usize = 100_000;
/// What the process may take: 64 MiB for pages of the store, 64 MiB for counts that are not stored yet, 16 MiB read ahead, 16 MiB
/// for an answer, and 32 MiB for bodies at the door and all else.
const BUDGET: u64 = 192 << 20;

/// A batch of so many paths that nobody else names, and some records for `/`.
fn body(batch: usize) -> String {
    let mut body = String::new();
    let mut line = |path: &str| {
        writeln!(body, r#"{{"timestamp":"2026-03-01T10:05:00Z","path":"{path}","userAgent":""}}"#).unwrap();
    };
    (batch * PATHS..(batch + 1) * PATHS).for_each(|n| line(&format!("/{n:07}")));
    (0..ROOTS).for_each(|_| line("/"));
    body
}

/// `/` with its exact count, then the first of the others, and the rest summed up.
fn expected() -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<_, _> = (0..SHOWN - 1).map(|n| (format!("/{n:07}"), 1)).collect();
    counts.insert("/".to_owned(), (BATCHES * ROOTS) as u64);
    counts.insert("__other__".to_owned(), (BATCHES * PATHS - (SHOWN - 1)) as u64);
    counts
}

fn is_expected(counts: &Value) {
    let found: BTreeMap<String, u64> = serde_json::from_value(counts.clone()).unwrap();
    let expected = expected();
    assert_eq!(
        (found.len(), &found["/"], &found["__other__"]),
        (expected.len(), &expected["/"], &expected["__other__"])
    );
    assert!(found == expected, "the same number of keys, but others");
}

fn answers_hold(server: &Server) {
    let total = BATCHES * (PATHS + ROOTS);
    for width in ["minute", "hour", "day"] {
        let range = format!("/api/v1/analytics?window={width}&from=2026-03-01T10:05&to=2026-03-01T10:06");
        let all = &ask(server, &format!("{range}&limit={SHOWN}"))["series"][0];
        assert_eq!(all["total"], total, "{width}");
        is_expected(&all["counts"]);
        let one = &ask(server, &format!("{range}&limit=1"))["series"][0];
        let rest = BATCHES * PATHS;
        assert_eq!(one["counts"], serde_json::json!({"/": BATCHES * ROOTS, "__other__": rest}), "{width}");
    }
}

#[test]
fn a_million_paths_of_a_minute_push_nobody_out_and_fit_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).set("limits.max_batch_bytes=8MiB").start_ready();
    let mut connection = server.connect();
    for batch in 0..BATCHES {
        let answer = connection.post(&Post::new("application/x-ndjson", body(batch))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let _ = server.drained();
    answers_hold(&server);
    let total = BATCHES * (PATHS + ROOTS);
    let summary = summary(folder.path(), "default", "2026-03-01T10", |summary| summary["total"] == total);
    is_expected(&summary["paths"]);
    assert_eq!(summary["userAgents"], serde_json::json!({"Other": total}));
    let most = server.memory("VmHWM");
    println!("{} MiB resident at most", most >> 20);
    assert!(most < BUDGET, "{} MiB", most >> 20);
}
