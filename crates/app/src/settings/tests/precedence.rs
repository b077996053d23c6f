use std::time::Duration;

use super::*;

#[test]
fn defaults() {
    let Loaded { settings, file, notices, .. } = World::default().load();
    assert_eq!((file, notices), (None, Vec::new()));
    assert_eq!(settings.data_dir, Path::new("./data"));
    assert_eq!(settings.files.dir.folder(), Some(Path::new("./data")));
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.http.body_timeout, Duration::from_secs(60));
    assert_eq!(settings.limits.max_batch_bytes, 2 << 20);
    assert_eq!(settings.queue.partitions, 3);
    assert_eq!((settings.queue.retention_bytes, settings.queue.reserve_bytes), (None, None));
    assert_eq!(settings.queue.kind, crate::settings::tree::QueueKind::Embedded);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!(settings.dead_letters.file, None);
    assert!(settings.files.enabled && !settings.web.require_customer);
    assert!(settings.roles.has(Role::All) && settings.roles.has(Role::Api));
}

#[test]
fn each_source_goes_before_the_next() {
    let file = World::yaml("limits:\n  max_nesting: 10\n");
    assert_eq!(file.load().settings.limits.max_nesting, 10);
    assert_eq!(line(&file.load(), "limits.max_nesting"), "limits.max_nesting 10 ./logmill.yaml:2:16");

    let variable = file.var("LOGMILL_LIMITS__MAX_NESTING", "20");
    assert_eq!(
        line(&variable.load(), "limits.max_nesting"),
        "limits.max_nesting 20 LOGMILL_LIMITS__MAX_NESTING"
    );

    let flag = variable.set("limits.max_nesting=30");
    assert_eq!(flag.load().settings.limits.max_nesting, 30);
    assert_eq!(line(&flag.load(), "limits.max_nesting"), "limits.max_nesting 30 --set limits.max_nesting");
}

#[test]
fn flags_of_their_own() {
    let world = World::default()
        .flag("data_dir", "/srv/logmill", "--data-dir")
        .flag("log.level", "debug", "--log-level")
        .flag("roles", "files, ingest,files", "--roles");
    let loaded = world.load();
    assert_eq!(loaded.settings.log.level, LogLevel::Debug);
    assert!(loaded.settings.roles.has(Role::Files) && !loaded.settings.roles.has(Role::Api));
    assert_eq!(line(&loaded, "roles"), "roles ingest, files --roles");
    assert_eq!(line(&loaded, "files.dir"), "files.dir /srv/logmill default: data_dir");
}

#[test]
fn a_flag_twice_must_say_the_same() {
    assert!(
        World::default().set("log.level=info").flag("log.level", "info", "--log-level").problems().is_empty()
    );
    let world = World::default().set("log.level=info").flag("log.level", "warn", "--log-level");
    let expected =
        "--set log.level: log.level: is \"info\" here and \"warn\" in --log-level; remove one of them";
    assert_eq!(world.problem(), expected);
}

#[test]
fn aliases() {
    let world = World::default().var("HTTP_ADDR", ":8082").var("DLQ_PATH", "/tmp/dlq.ndjson");
    let loaded = world.load();
    assert_eq!(line(&loaded, "http.listen"), "http.listen 0.0.0.0:8082 HTTP_ADDR (alias)");
    assert_eq!(loaded.settings.dead_letters.file, Some("/tmp/dlq.ndjson".into()));
    // A compose file's `${HTTP_ADDR:-}`.
    assert_eq!(World::default().var("HTTP_ADDR", "").load().settings.http.listen.port(), 8080);
}

#[test]
fn an_alias_and_its_setting_must_say_the_same() {
    let alias = || World::default().var("HTTP_ADDR", ":8082");
    let same = alias().var("LOGMILL_HTTP__LISTEN", "0.0.0.0:8082").load();
    assert_eq!(line(&same, "http.listen"), "http.listen 0.0.0.0:8082 LOGMILL_HTTP__LISTEN");

    let is = "HTTP_ADDR (alias): http.listen: is \"0.0.0.0:8082\" here and";
    let cases = [
        (alias().var("LOGMILL_HTTP__LISTEN", ":9"), format!("{is} \"0.0.0.0:9\" in LOGMILL_HTTP__LISTEN; remove one of them")),
        (alias().set("http.listen=:9"), format!("{is} \"0.0.0.0:9\" in --set http.listen; remove one of them")),
        (
            alias().file("./logmill.yaml", "http:\n  listen: :9\n"),
            "./logmill.yaml:2:11: http.listen: is \"0.0.0.0:9\" here and \"0.0.0.0:8082\" in HTTP_ADDR (alias); \
             remove one of them"
                .to_owned(),
        ),
    ];
    for (world, expected) in cases {
        assert_eq!(world.problem(), expected);
    }
}

#[test]
fn an_alias_is_compared_with_every_source() {
    let world =
        World::default().var("HTTP_ADDR", ":1").var("LOGMILL_HTTP__LISTEN", ":2").set("http.listen=:1");
    let expected = "HTTP_ADDR (alias): http.listen: is \"0.0.0.0:1\" here and \"0.0.0.0:2\" in \
                    LOGMILL_HTTP__LISTEN; remove one of them";
    assert_eq!(world.problem(), expected);
    let all = World::yaml("http: {listen: ':1'}").var("HTTP_ADDR", ":2").set("http.listen=:3");
    assert_eq!(all.problems().len(), 2);
    let several = World::default().set("log.level=info").set("log.level=warn").set("log.level=info");
    assert_eq!(several.problems().len(), 2);
}

#[test]
fn the_first_file_that_is_there() {
    let text = |topic: &str| format!("web: {{topic: {topic}}}\n");
    let home =
        World::default().var("HOME", "/home/u").file("/home/u/.config/logmill/config.yaml", text("home"));
    assert_eq!(home.load().settings.web.topic, "home");
    let here = home.file("./logmill.yaml", text("here"));
    assert_eq!(here.load().settings.web.topic, "here");
    let variable = here.file("v.yaml", text("variable")).var("LOGMILL_CONFIG", "v.yaml");
    assert_eq!(variable.load().settings.web.topic, "variable");
    let flag = variable.file("f.yaml", text("flag")).config("f.yaml");
    assert_eq!(flag.load().settings.web.topic, "flag");
    assert_eq!(flag.load().file, Some("f.yaml".into()));
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let expected =
        "no.yaml: cannot be read: entity not found; check that it is there and that this user may read it";
    assert_eq!(World::yaml("").config("no.yaml").problem(), expected);
    assert_eq!(World::yaml("").var("LOGMILL_CONFIG", "no.yaml").problem(), expected);
}

#[test]
fn empty_is_none_where_none_is_allowed() {
    let world = World::yaml("dead_letters: {file: x}\n").set("dead_letters.file=");
    assert_eq!(world.load().settings.dead_letters.file, None);
    assert_eq!(line(&world.load(), "dead_letters.file"), "dead_letters.file - --set dead_letters.file");
}

#[test]
fn variables_that_are_no_settings() {
    let world = World::default()
        .var("LOGMILL_TEST_SEED", "7")
        .var("LOGMILL_CONFIG", "")
        .var("LOGMILL_SERVICE_HOST", "10.0.0.1")
        .var("LOGMILL_SERVICE_PORT", "8080")
        .var("LOGMILL_SERVICE_PORT_HTTP", "8080")
        .var("LOGMILL_PORT", "tcp://10.0.0.1:8080")
        .var("LOGMILL_PORT_8080_TCP", "tcp://10.0.0.1:8080")
        .var("LOGMILL_PORT_8080_TCP_ADDR", "10.0.0.1")
        .var("LOGMILL_UI_PORT_80_UDP_PROTO", "udp")
        .var("PATH", "/bin");
    assert_eq!(world.load().notices, Vec::<String>::new());
}

#[test]
fn variables_that_look_like_ours() {
    let world =
        World::default().var("LOGMIL_HTTP__LISTEN", ":1").var("LogMill_Data_Dir", "x").var("LOGMIN_X", "");
    let expected = [
        "LOGMIL_HTTP__LISTEN means nothing here; did you mean LOGMILL_HTTP__LISTEN?",
        "LogMill_Data_Dir means nothing here; did you mean LOGMILL_DATA_DIR?",
    ];
    assert_eq!(world.load().notices, expected);
}

/// Whoever names brokers means Kafka, by whichever name.
#[test]
fn brokers_make_the_log_kafka() {
    for name in ["KAFKA_BROKERS", "REDPANDA_BROKERS", "LOGMILL_QUEUE__KAFKA__BROKERS"] {
        let loaded = World::default().var(name, "a:9092,b:9092").load();
        assert_eq!(loaded.settings.queue.kind, crate::settings::QueueKind::Kafka);
        assert!(line(&loaded, "queue.kafka.brokers").contains(name));
    }
    let both = World::default().var("KAFKA_BROKERS", "a:1").set("queue.kind=embedded").load();
    assert_eq!(both.settings.queue.kind, crate::settings::QueueKind::Embedded);
}
