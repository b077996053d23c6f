use super::*;

/// Each value through `--set`, with the whole message.
#[test]
fn values() {
    let cases = [
        (
            "limits.max_batch_bytes=64MBB",
            "\"64MBB\" does not end in a unit of size; write a number and one of the units \
             B, KB, KiB, MB, MiB, GB, GiB, TB, TiB, for example 2MiB",
        ),
        ("limits.max_batch_bytes=64mib", "\"64mib\" does not end in a unit of size; did you mean 64MiB?"),
        ("limits.max_batch_bytes=65MiB", "\"65MiB\" is too large; allowed: 1KiB to 64MiB"),
        ("limits.max_batch_bytes=1000", "\"1000\" is too small; allowed: 1KiB to 64MiB"),
        (
            "queue.segment_bytes=big",
            "\"big\" is not a size; write a number and one of the units \
             B, KB, KiB, MB, MiB, GB, GiB, TB, TiB, for example 2MiB",
        ),
        (
            "files.flush_interval=10MiB",
            "\"10MiB\" does not end in a unit of duration; write a number and one of the units ms, s, m, h, d, \
             for example 30s",
        ),
        ("http.idle_timeout=5 minutes", "\"5 minutes\" does not end in a unit of duration; did you mean 5m?"),
        ("files.flush_interval=2", "\"2\" is too large; allowed: 10ms to 1s"),
        ("files.flush_interval=5ms", "\"5ms\" is too small; allowed: 10ms to 1s"),
        ("queue.partitions=0", "\"0\" is too small; allowed: 1 to 1024"),
        (
            "queue.partitions=99999999999999999999",
            "\"99999999999999999999\" is too large; allowed: 1 to 1024",
        ),
        ("queue.partitions=-1", "\"-1\" is not a whole number; write digits only, for example 1000"),
        ("queue.partitions=", "\"\" is not a whole number; write digits only, for example 1000"),
        ("web.require_customer=yes", "\"yes\" is neither true nor false; write true or false"),
        (
            "http.listen=example.com:80",
            "\"example.com:80\" is not an address to listen on; write an IP address and a port, for example \
             127.0.0.1:8080, [::1]:8080, or :8080 for all",
        ),
        (
            "http.listen=:65536",
            "\":65536\" is not an address to listen on; write an IP address and a port, for example \
             127.0.0.1:8080, [::1]:8080, or :8080 for all",
        ),
        ("data_dir=", "is empty; write the path of a file or folder on this machine"),
        ("data_dir=s3://b/x", "\"s3://b/x\" is a URL; write the path of a file or folder on this machine"),
        ("data_dir=~/x", "\"~/x\" is not expanded here; write the path of a file or folder on this machine"),
        (
            "web.topic=a/b",
            "\"a/b\" is not allowed; allowed: 1 to 194 characters of A-Z a-z 0-9 . _ -, not ending in .dlq, .keyed or .keys",
        ),
        (
            "web.topic=logs.keys",
            "\"logs.keys\" is not allowed; allowed: 1 to 194 characters of A-Z a-z 0-9 . _ -, not ending in .dlq, .keyed or .keys",
        ),
        (
            "queue.kafka.group=a/b",
            "\"a/b\" is not a name; allowed: 1 to 200 characters of A-Z a-z 0-9 . _ -, not \".\" or \"..\"",
        ),
        (
            "log.level=inof",
            "\"inof\" is not known; did you mean info? allowed: error, warn, info, debug, trace",
        ),
        ("log.format=xml", "\"xml\" is not known; allowed: auto, json, text"),
    ];
    told(&cases);
}

#[test]
fn lists_of_roles() {
    let cases = [
        (
            "roles=",
            "is empty; write at least one of all, ingest, otlp, files, dead-letters, aggregate, lake, api",
        ),
        (
            "roles=ingest,dead_letters",
            "\"dead_letters\" is not known; did you mean dead-letters? \
             allowed: all, ingest, otlp, files, dead-letters, aggregate, lake, api",
        ),
    ];
    told(&cases);
}

/// Values that lead beyond this machine.
#[test]
fn brokers_and_stores() {
    told(&[
        (
            "queue.kafka.acks=1",
            "\"1\" would answer before the batch is durable on all replicas, and a 202 must mean durable; \
             allowed: all",
        ),
        (
            "raw_batches.url=/data/raw",
            "\"/data/raw\" is not allowed; allowed: s3://bucket/prefix, az://container/prefix, gs://bucket/prefix, or empty",
        ),
        ("raw_batches.s3.access_key=other", "a key and its secret belong together; set both, or none"),
        (
            "queue.kind=kafka",
            "is kafka, and no brokers are named; write host:port of some brokers into queue.kafka.brokers",
        ),
        (
            "queue.kafka.brokers=localhost",
            "\"localhost\" is not allowed; allowed: host:port, separated by commas, or empty",
        ),
        (
            "queue.kafka.sasl.username=me",
            "mechanism, name and password belong together; set all of queue.kafka.sasl.mechanism, .username and \
             .password, or none",
        ),
        (
            "queue.kafka.tls.key=k",
            "files for TLS are named, and TLS is off; set queue.kafka.tls.enabled to true, or remove the files",
        ),
        (
            "files.dir=ftp://b/x",
            "\"ftp://b/x\" is not the URL of an object store; write s3://bucket/prefix, az://container/prefix or \
             gs://bucket/prefix",
        ),
        (
            "files.dir=s3://",
            "\"s3://\" is not the URL of an object store; write s3://bucket/prefix, az://container/prefix or \
             gs://bucket/prefix",
        ),
    ]);
}

fn told(cases: &[(&str, &str)]) {
    for (argument, expected) in cases {
        let name = argument.split('=').next().unwrap();
        assert_eq!(World::default().set(argument).problem(), format!("--set {name}: {name}: {expected}"));
    }
}

#[test]
fn addresses() {
    for (text, expected) in [
        (":0", "0.0.0.0:0"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("[::]:1", "[::]:1"),
    ] {
        let loaded = World::default().set(&format!("http.listen={text}")).load();
        assert_eq!(loaded.settings.http.listen.to_string(), expected);
    }
}

#[test]
fn names() {
    let cases = [
        (
            World::default().set("http.lisen=:1"),
            "--set http.lisen: \"http.lisen\" is not a setting; did you mean http.listen?",
        ),
        (
            World::default().set("log.level"),
            "--set log.level: log.level: has no value; write --set log.level=value",
        ),
        (
            World::default().set("nonsense=1"),
            "--set nonsense: \"nonsense\" is not a setting; see `logmill config explain` for all settings",
        ),
        (
            World::default().var("LOGMILL_HTTP_LISTEN", ":1"),
            "LOGMILL_HTTP_LISTEN: is not a variable of ours; did you mean LOGMILL_HTTP__LISTEN?",
        ),
        (
            World::default().var("LOGMILL_QUEUE__FLUSH_INTERVAL", "1"),
            "LOGMILL_QUEUE__FLUSH_INTERVAL: is not a variable of ours; did you mean LOGMILL_FILES__FLUSH_INTERVAL?",
        ),
        (
            World::default().var("LOGMILL_XYZZY", "1"),
            "LOGMILL_XYZZY: is not a variable of ours; remove it; see `logmill config explain` for all settings",
        ),
        (
            World::default().var("LOGMILL_HTTP__PORT", "8080"),
            "LOGMILL_HTTP__PORT: is not a variable of ours; remove it; see `logmill config explain` for all settings",
        ),
        (
            World::default().var("LOGMILL_WEB__TOPIC_FILE", "x"),
            "LOGMILL_WEB__TOPIC_FILE: web.topic: is not a secret; set LOGMILL_WEB__TOPIC; only secrets can come \
             from a file of their own",
        ),
    ];
    for (world, expected) in cases {
        assert_eq!(world.problem(), expected);
    }
}

#[test]
fn rules_between_settings() {
    let cases = [
        (
            World::yaml("limits:\n  max_batch_bytes: 64MiB\n"),
            "./logmill.yaml:2:20: limits.max_batch_bytes: limits.max_in_flight_bytes is 64MiB, which is less than \
             2 x limits.max_batch_bytes (128MiB); raise the one or lower the other",
        ),
        (
            World::default().set("queue.segment_bytes=1MiB"),
            "--set queue.segment_bytes: queue.segment_bytes: queue.segment_bytes is 1MiB, which is less than \
             4 x limits.max_batch_bytes (8MiB); raise the one or lower the other",
        ),
        (
            World::default().var("LOGMILL_QUEUE__RETENTION_BYTES", "100MB"),
            "LOGMILL_QUEUE__RETENTION_BYTES: queue.retention_bytes: queue.retention_bytes is 100MB, which is less \
             than queue.segment_bytes (256MiB); raise the one or lower the other",
        ),
        (
            World::default().set("lake.orphans.older_than=23h"),
            "--set lake.orphans.older_than: lake.orphans.older_than: 23h is too short; write at least 1d, because \
             younger files may be about to be committed, or 0s for off",
        ),
    ];
    for (world, expected) in cases {
        assert_eq!(world.problem(), expected);
    }
    for good in ["0s", "1d"] {
        assert!(World::default().set(&format!("lake.orphans.older_than={good}")).problems().is_empty());
    }
    // With raw batches the queue holds only what is small.
    let raw = |above: &str| {
        let world = World::default().set("raw_batches.url=s3://b/raw").set("queue.segment_bytes=1MiB");
        world.set(&format!("raw_batches.above={above}"))
    };
    assert_eq!(raw("0").load().settings.max_queue_payload(), 8 << 10);
    assert_eq!(raw("256KiB").load().settings.max_queue_payload(), 256 << 10);
    let expected = "--set queue.segment_bytes: queue.segment_bytes: queue.segment_bytes is 1MiB, which is less than \
         4 x raw_batches.above (2MiB); raise the one or lower the other";
    assert_eq!(raw("512KiB").problem(), expected);
    // The smaller segment is wrong already; a rule about it would only add noise.
    assert_eq!(World::default().set("queue.segment_bytes=1KiB").problems().len(), 1);
}

#[test]
fn foreign_text_is_escaped_and_cut() {
    let world = World::default().set("log.level=\u{1b}[2J\n\u{202e}\"").set("a\nb=1").set("c\u{7}");
    let expected = [
        "--set a\\nb: \"a\\nb\" is not a setting; see `logmill config explain` for all settings",
        "--set c\\u{7}: \"c\\u{7}\" is not a setting; see `logmill config explain` for all settings",
        "--set log.level: log.level: \"\\u{1b}[2J\\n\\u{202e}\"\" is not known; allowed: error, warn, info, debug, trace",
    ];
    assert_eq!(world.problems(), expected);
    let long = World::default().set(&format!("log.level={}", "x".repeat(5000)));
    assert!(long.problem().contains(&format!("\"{}…\" is not known", "x".repeat(80))));
    let control = World::default().set("data_dir=a\u{1b}b");
    assert!(control.problem().contains("\"a\\u{1b}b\" has control characters"));
}

#[test]
fn a_report_is_bounded() {
    assert_eq!(report(&[]), "the settings have no problem\n");
    let keys: String = (0..150).map(|n| format!("unknown_{n}: 1\n")).collect();
    let problems = World::yaml(&keys).load_with(CATALOGUE).unwrap_err();
    let text = report(&problems);
    assert_eq!(problems.len(), 150);
    assert!(
        text.starts_with("the settings have 150 problems:\n  ./logmill.yaml:1:1: \"unknown_0\""),
        "{text}"
    );
    assert!(text.ends_with("  and 50 more\n"), "{text}");
}
