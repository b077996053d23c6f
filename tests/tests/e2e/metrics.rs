//! Metrics: well-formed, named as the specification says, and counting what the test did.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use logmill_e2e::{Post, Setup, eventually};

use crate::samples::{batch, ids};

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
    let line = line.unwrap_or_else(|| panic!("{name} is not there:\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn promtool(text: &str) -> (bool, String) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("this test needs promtool (Debian package prometheus)");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn metrics_are_well_formed_and_count_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    for _ in 0..3 {
        assert_eq!(server.post(&batch(&ids("plain", 7))).status, 202);
        let keyed = server.post(&batch(&ids("keyed", 5)).with("idempotency-key", "once"));
        assert!(matches!(keyed.status, 200 | 202));
    }
    assert_eq!(server.post(&Post::json("nonsense")).status, 400);
    assert_eq!(server.post(&Post::new("text/plain", "nonsense")).status, 415);
    let _ = server.drained();
    // The group's position, and with it the depth, moves at the next checkpoint.
    let answer = eventually("the queue is empty", Duration::from_secs(30), || {
        let answer = server.get("/metrics");
        (value(&answer.text(), "queue_depth{").abs() < 1e-9).then_some(answer)
    });
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    assert_eq!(promtool(&text), (true, String::new()));
    let exact = [
        ("log_batches_received_total", 4.0),
        ("logs_ingested_total", 26.0),
        ("duplicate_batches_total", 2.0),
        ("invalid_requests_total", 2.0),
        ("ingest_errors_total", 0.0),
        ("queue_depth{", 0.0),
        (r#"http_request_duration_seconds_count{method="POST",route="/logs",status="202"}"#, 4.0),
        (r#"http_request_duration_seconds_count{method="POST",route="/logs",status="400"}"#, 1.0),
    ];
    for (name, expected) in exact {
        assert!(
            (value(&text, name) - expected).abs() < 1e-9,
            "{name}: {} instead of {expected}",
            value(&text, name)
        );
    }
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "allocator_allocated_bytes",
        "allocator_resident_bytes",
        "runtime_tasks",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        // Time of the processor is in whole seconds.
        assert!(value(&text, name) > 0.0 || name == "process_cpu_seconds_total", "{name}");
    }
}
