use super::*;

fn check(yaml: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("./logmill.yaml:{line}")).collect();
    assert_eq!(World::yaml(yaml).problems(), expected, "{yaml}");
}

#[test]
fn names_in_a_file() {
    check("http:\n  lisen: x\n", &["2:3: \"http.lisen\" is not a setting; did you mean http.listen?"]);
    check(
        "limits:\n  flush_interval: 1s\n",
        &["2:3: \"limits.flush_interval\" is not a setting; did you mean files.flush_interval?"],
    );
    check("listen: x\n", &["1:1: \"listen\" is not a setting; did you mean http.listen?"]);
    check(
        "htpp:\n  lisen: x\n  idle_timeout: 1w\n",
        &[
            "1:1: \"htpp\" is not a section; did you mean http?",
            "2:3: \"http.lisen\" is not a setting; did you mean http.listen?",
            "3:17: http.idle_timeout: \"1w\" does not end in a unit of duration; write a number and one of the \
             units ms, s, m, h, d, for example 30s",
        ],
    );
    check("server:\n  listen: x\n", &["2:3: \"server.listen\" is not a setting; did you mean http.listen?"]);
    check("server:\n", &["1:1: \"server\" is not a setting; see `logmill config explain` for all settings"]);
    check(
        "http.listen: x\n",
        &["1:1: \"http.listen\" is not a setting; write the section and, indented below it, the name"],
    );
}

#[test]
fn shapes_in_a_file() {
    check(
        "log:\n  level: [info]\n",
        &["2:10: log.level: is a list; write one value: one of error, warn, info, debug, trace"],
    );
    check(
        "log:\n  level: {a: b}\n",
        &[
            "2:10: log.level: a section stands where a value belongs; allowed: one of error, warn, info, debug, trace",
        ],
    );
    check(
        "roles:\n  - all\n  - [files]\n",
        &[
            "3:5: roles: a list stands where a value belongs; allowed: any of all, ingest, otlp, files, dead-letters, aggregate, lake, api",
        ],
    );
    check(
        "roles: [ingst, api, fils]\n",
        &[
            "1:9: roles: \"ingst\" is not known; did you mean ingest? allowed: all, ingest, otlp, files, dead-letters, aggregate, lake, api",
            "1:21: roles: \"fils\" is not known; did you mean files? allowed: all, ingest, otlp, files, dead-letters, aggregate, lake, api",
        ],
    );
    check(
        "roles: []\n",
        &[
            "1:8: roles: is empty; write at least one of all, ingest, otlp, files, dead-letters, aggregate, lake, api",
        ],
    );
    check("roles:\n", &["1:6: roles: has no value; write one, or remove the line"]);
    check("log:\n  level:\n", &["2:8: log.level: has no value; write one, or remove the line"]);
    check(
        "files: 5\n",
        &[
            "1:8: \"files\" is a section, not a value; write its settings below it, indented, each as name: value",
        ],
    );
    check("- a\n", &["1:1: a list stands alone; write name: value"]);
    check("text\n", &["1:1: a value stands alone; write name: value"]);
    check("http:\nlog: ~\n", &[]);
}

#[test]
fn types_in_a_file() {
    check(
        "limits:\n  max_nesting: '7'\n",
        &["2:16: limits.max_nesting: \"7\" is text; write it without quotes"],
    );
    check("web:\n  topic: 12\n", &["2:10: web.topic: \"12\" is a number in YAML; put it in quotes"]);
    for text in ["-1.5e3", "0x1F", "0o17", ".inf", "+5", ".5"] {
        let expected = format!("2:10: web.topic: \"{text}\" is a number in YAML; put it in quotes");
        check(&format!("web:\n  topic: {text}\n"), &[&expected]);
    }
    for text in ["0xyz", "1.2.3", "infinity", "nan", "2026-11-21", "-x"] {
        assert_eq!(World::yaml(&format!("web: {{topic: {text}}}\n")).load().settings.web.topic, text);
    }
    check("web:\n  topic: true\n", &["2:10: web.topic: \"true\" is true or false in YAML; put it in quotes"]);
    check("web:\n  topic: '12'\n", &[]);
    check(
        "web:\n  require_customer: 'true'\n",
        &["2:21: web.require_customer: \"true\" is text; write it without quotes"],
    );
    check("shutdown_timeout: '20'\nfiles: {flush_interval: 0.5, dir: 2026-11-21}\n", &[]);
}

#[test]
fn syntax_in_a_file() {
    check(
        "data_dirs: x\nhttp:\n\tlisten: x\n",
        &[
            "1:1: \"data_dirs\" is not a setting; did you mean data_dir?",
            "3:2: is not YAML: tabs disallowed within this context (block indentation); \
             indent with spaces; YAML takes no tabs there",
        ],
    );
    check(
        "http:\n  listen: :1\nhttp:\n  lisen: :2\nhttp:\n  listen: x\n",
        &[
            "3:1: \"http\" is there twice, first in line 1; remove one of them",
            "4:3: \"http.lisen\" is not a setting; did you mean http.listen?",
            "5:1: \"http\" is there twice, first in line 3; remove one of them",
            "6:11: http.listen: \"x\" is not an address to listen on; write an IP address and a port, for example \
             127.0.0.1:8080, [::1]:8080, or :8080 for all",
        ],
    );
    check(
        "data_dir: a\ndata_dir: b\n",
        &["2:1: \"data_dir\" is there twice, first in line 1; remove one of them"],
    );
    check(
        "data_dir: a\n---\ndata_dir: b\n",
        &["2:1: a second document begins; keep all settings in one document"],
    );
    check("web: &a {topic: x}\nhttp: *a\n", &["2:7: refers to another value with *; write the value itself"]);
}

#[test]
fn files_that_are_no_text() {
    let bytes = World::default().file("./logmill.yaml", b"a: 1\n\xc3\xa4: \xff\n");
    assert_eq!(bytes.problem(), "./logmill.yaml:2:4: is not UTF-8; save the file as UTF-8");
    let large = World::default().file("./logmill.yaml", vec![b'#'; 2 << 20]);
    assert_eq!(large.problem(), "./logmill.yaml: is too large; allowed: 256KiB");
    let marked = World::yaml("\u{feff}web: {topic: x}\r\nlog: {level: warn}\r\n").load();
    assert_eq!(marked.settings.log.level, LogLevel::Warn);
}

#[test]
#[cfg(unix)]
fn variables_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let mut world = World::default();
    world.environment.push(("LOGMILL_DATA_DIR".into(), OsString::from_vec(vec![0xff])));
    world.environment.push((OsString::from_vec(b"LOGMILL_\xff".to_vec()), "x".into()));
    let expected = [
        "LOGMILL_DATA_DIR: data_dir: the value is not UTF-8; write it in UTF-8",
        "LOGMILL_\u{fffd}: is not a variable of ours; remove it; see `logmill config explain` for all settings",
    ];
    assert_eq!(world.problems(), expected);
}

#[test]
fn all_problems_of_all_sources_at_once_in_a_stable_order() {
    let world = World::yaml("log:\n  level: loud\ndata_dirs: x\n")
        .set("queue.kind=kafka")
        .set("foo=1")
        .var("LOGMILL_WEB__TOPIC", "a b")
        .var("LOGMILL_LOG__FORMAT", "xml")
        .var("HTTP_ADDR", "x");
    let mut backwards =
        World::yaml("log:\n  level: loud\ndata_dirs: x\n").set("queue.kind=kafka").set("foo=1");
    backwards.environment = world.environment.iter().rev().cloned().collect();
    let expected = "\
the settings have 7 problems:
  --set foo: \"foo\" is not a setting; see `logmill config explain` for all settings
  --set queue.kind: queue.kind: is kafka, and no brokers are named; write host:port of some brokers into queue.kafka.brokers
  HTTP_ADDR (alias): http.listen: \"x\" is not an address to listen on; write an IP address and a port, for example 127.0.0.1:8080, [::1]:8080, or :8080 for all
  LOGMILL_LOG__FORMAT: log.format: \"xml\" is not known; allowed: auto, json, text
  LOGMILL_WEB__TOPIC: web.topic: \"a b\" is not allowed; allowed: 1 to 194 characters of A-Z a-z 0-9 . _ -, not ending in .dlq, .keyed or .keys
  ./logmill.yaml:2:10: log.level: \"loud\" is not known; allowed: error, warn, info, debug, trace
  ./logmill.yaml:3:1: \"data_dirs\" is not a setting; did you mean data_dir?
";
    for world in [world, backwards] {
        assert_eq!(report(&world.load_with(CATALOGUE).unwrap_err()), expected);
    }
}
