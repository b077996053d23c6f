use logmill_e2e::{Lake, Sending, checker, python};
use logmill_testkit::services::collector::{Collector, Compression, Route};

use super::setup;

/// A real request of the SDK for Python.
fn real() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/otlp/tests/data/http_logs.pb")
}

#[test]
fn an_sdk_and_a_collector_send_and_pyiceberg_and_duckdb_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    let (http, grpc) = (server.otlp_http(), server.otlp_grpc());
    let collector = Collector::start(Route::ToGrpc(&format!("http://{grpc}")), Compression::Zstd);
    let through = collector.grpc().parse().unwrap();
    let ways = [
        ("sdk-http", "http", http, &[][..]),
        ("sdk-http-gzip", "http", http, &["--gzip"][..]),
        // The main listener takes OTLP over HTTP as well.
        ("sdk-main", "http", server.address(), &[][..]),
        ("sdk-grpc", "grpc", grpc, &[][..]),
        ("sdk-grpc-gzip", "grpc", grpc, &["--gzip"][..]),
        ("collector", "grpc", through, &[][..]),
    ];
    let told: Vec<_> = ways
        .iter()
        .map(|(client, protocol, to, options)| {
            let sending = Sending { client, protocol, to: *to, records: 300, batch: 50, options };
            sending.run(folder.path())
        })
        .collect();
    // What the Collector has taken comes in its own time.
    let lake = Lake::of(folder.path());
    logmill_e2e::eventually("all records are delivered", std::time::Duration::from_secs(60), || {
        let ledger = server.drained();
        let rows = ledger["ledger"].as_array().unwrap();
        let row = rows.iter().find(|row| row["sink"] == "lake").unwrap();
        (row["delivered"] == 1800).then_some(())
    });
    lake.check(&told, "pyiceberg");
    lake.check(&told, "duckdb");
    assert_eq!(lake.rows("pyiceberg"), lake.rows("duckdb"));
}

#[test]
fn the_real_request_is_the_rows_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    let url = format!("http://{}/v1/logs", server.otlp_http());
    let (good, text) = python(&checker("otlp_send.py"), &["raw", "http", &url, real()]);
    assert!(good && text.contains("\"status\": 200"), "{text}");
    let _ = server.drained();
    // All of its records have a time of their own, so that it does not matter when they arrived.
    let (good, expected) = python(&checker("otlp_rows.py"), &["--received-at", &now(), real()]);
    assert!(good && !expected.is_empty(), "{expected}");
    let mut expected: Vec<&str> = expected.lines().collect();
    expected.sort_unstable();
    for engine in ["pyiceberg", "duckdb"] {
        let rows = Lake::of(folder.path()).rows(engine);
        assert_eq!(rows.lines().collect::<Vec<_>>(), expected, "{engine}");
    }
}

/// Microseconds since 1970.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_micros().to_string()
}
