//! `logmill queue` and `logmill dlq` on Kafka, beside what Kafka's own client says.

mod adopt;

use std::path::Path;
use std::time::Duration;

use logmill_e2e::{Post, Server, Setup, eventually, records_of};
use logmill_testkit::services::kafka;
use serde_json::Value;

use super::letters::committed;
use super::{drained, java, setup};
use crate::process::logmill;
use crate::samples::{batch, ids, record, sorted};

const TOLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kafka/commands/Told.java");
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a command on these brokers, as from any machine; answers its code and both outputs.
fn on(brokers: &str, prefix: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let brokers = format!("queue.kafka.brokers={brokers}");
    let prefix = format!("queue.kafka.topic_prefix={prefix}.");
    let output = logmill(&[arguments, &["--data-dir", data, "--set", &brokers, "--set", &prefix]].concat());
    assert_eq!(std::fs::read_dir(data).unwrap().count(), 0, "it left something in the data folder");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// What a command that succeeds prints.
pub(crate) fn good(prefix: &str, arguments: &[&str]) -> String {
    let (code, printed, told) = on(&kafka::shared().brokers(), prefix, arguments);
    assert_eq!((code, &*told), (Some(0), ""), "{arguments:?}: {printed}");
    printed
}

/// What Kafka's own client says of topics and groups with this prefix, in words.
fn told(prefix: &str) -> Vec<Vec<String>> {
    let text = java(kafka::shared(), TOLD, &format!("{prefix}."));
    text.lines().map(|line| line.splitn(5, ' ').map(str::to_owned).collect()).collect()
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

fn stored(server: &mut Server, batches: usize, name: &str) {
    for number in 0..batches {
        assert_eq!(server.post(&batch(&ids(&format!("{name}-{number}"), 3))).status, 202);
    }
}

/// A folder whose files stand behind the log: some batches came after the worker had ended.
fn half_read(dir: &Path, prefix: &str) {
    let brokers = kafka::shared().brokers();
    let setup = setup(dir, &brokers, prefix).set("queue.kafka.partitions=3");
    let mut server = setup.start_ready();
    stored(&mut server, 6, "read");
    let _ = drained(&server);
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let mut door = setup.argument("--roles").argument("ingest").start_ready();
    stored(&mut door, 9, "waiting");
    assert_eq!(door.stop(), Some(0), "{}", door.output());
}

#[test]
fn topics_and_groups_are_shown_as_kafka_has_them() {
    let folder = tempfile::tempdir().unwrap();
    half_read(folder.path(), "look");
    let (shown, groups) = (good("look", &["queue", "inspect"]), good("look", &["queue", "groups", "list"]));
    assert_eq!(
        (good("look", &["dlq", "list"]), good("look", &["dlq", "list"])),
        (String::new(), String::new())
    );
    let told = told("look");
    let (topics, positions): (Vec<_>, Vec<_>) = told.iter().partition(|words| words.len() == 4);
    // The dead letters' topic is made with the first of them: looking for it did not make it.
    let mut lines = Vec::new();
    // Nobody has sent OpenTelemetry logs; keys of such requests are waited for all the same.
    let names =
        ["look.logs", "look.logs.keyed", "look.logs.keys", "look.otel-logs.keyed", "look.otel-logs.keys"];
    for name in names {
        let of_topic: Vec<_> = topics.iter().filter(|words| words[0] == name).collect();
        assert_eq!(of_topic.len(), 3, "{told:?}");
        lines.push(format!("topic {name}"));
        lines.extend(of_topic.iter().map(|w| format!("  partition {} offsets {}..{}", w[1], w[2], w[3])));
    }
    assert_eq!(topics.len(), 3 * names.len(), "{told:?}");
    // Behind the name of a topic stands the id of its log, which Kafka's own client does not know.
    let without_ids =
        shown.lines().map(|line| match line.strip_prefix("topic ").and_then(|rest| rest.split_once(' ')) {
            Some((name, id)) if id.len() == 32 => format!("topic {name}"),
            _ => line.to_owned(),
        });
    assert_eq!(without_ids.collect::<Vec<_>>(), lines);

    let mut lags = Vec::new();
    for words in &positions {
        let [group, topic, partition, at, note] = &words[..] else { panic!("{words:?}") };
        let next = topics.iter().find(|words| words[0] == *topic && words[1] == *partition).unwrap()[3]
            .parse::<u64>()
            .unwrap();
        let lag = next - at.parse::<u64>().unwrap();
        lags.push(lag);
        let line = format!("  group {group} {topic} {partition} at {at} lag {lag} note \"{note}\"");
        assert!(groups.lines().any(|shown| shown == line), "{line:?} is not in {groups}");
    }
    let files = positions.iter().filter(|words| words[0] == "look.logmill-files");
    assert!(files.count() > 0 && lags.iter().any(|lag| *lag > 0), "{told:?}");
    let shown = groups.lines().filter(|line| line.contains(" group ") && !line.contains(" at none "));
    assert_eq!(shown.count(), positions.len(), "{groups}");
}

#[test]
fn what_does_not_exist_is_named_and_not_created() {
    let brokers = kafka::shared().brokers();
    let commands: [&[&str]; 6] = [
        &["queue", "inspect"],
        &["queue", "groups", "list"],
        &["queue", "export"],
        &["dlq", "list"],
        &["dlq", "show", "0"],
        &["dlq", "drop", "0"],
    ];
    for command in commands {
        let (code, printed, said) = on(&brokers, "nobody", command);
        assert_eq!((code, &*printed, said.lines().count()), (Some(69), "", 1), "{command:?}: {said}");
        assert!(said.contains("nobody.logs") && said.contains("does not exist"), "{command:?}: {said}");
    }
    assert_eq!(told("nobody"), Vec::<Vec<String>>::new());
}

#[test]
fn brokers_that_are_away_are_named() {
    // Nobody listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let commands: [&[&str]; 3] = [&["queue", "inspect"], &["queue", "export"], &["dlq", "list"]];
    for command in commands {
        let (code, printed, said) = on(&free, "away", command);
        assert_eq!((code, &*printed, said.lines().count()), (Some(69), "", 1), "{command:?}: {said}");
        assert!(said.contains(&format!("queue.kafka.brokers: {free}")), "{command:?}: {said}");
    }
}

#[test]
fn what_kafka_does_itself_is_said_with_the_tool_that_does_it() {
    let tools: [(&[&str], &[&str]); 5] = [
        (&["queue", "verify"], &["kafka-dump-log.sh"]),
        (&["queue", "repair"], &["kafka-topics.sh", "--under-replicated-partitions"]),
        (
            &["queue", "adopt", "--from", "oldest"],
            &["--reset-offsets", "p.logmill-files", "p.logs", "--to-earliest"],
        ),
        (&["queue", "adopt", "--from", "end"], &["kafka-consumer-groups.sh", "--to-latest"]),
        (&["queue", "groups", "drop", "p.logmill-files"], &["--delete", "--group p.logmill-files"]),
    ];
    for (command, words) in tools {
        let (code, _, said) = on("127.0.0.1:9092", "p", command);
        assert_eq!(code, Some(78), "{command:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
    }
}

/// The payloads of exported lines.
fn payloads(lines: &str) -> Vec<String> {
    let payload = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["payload"].as_str().unwrap().to_owned()
    };
    lines.lines().map(payload).collect()
}

/// The names of the values of an exported line.
fn names(line: &str) -> Vec<String> {
    let line: Value = serde_json::from_str(line).unwrap();
    line.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn frames_are_exported_from_kafka_and_replayed_once_however_often() {
    let folder = tempfile::tempdir().unwrap();
    half_read(&folder.path().join("kafka"), "export");
    let lines = good("export", &["queue", "export"]);
    let in_topic = committed(kafka::shared(), "export.logs");
    assert_eq!(in_topic.len(), 15);
    assert_eq!(sorted(payloads(&lines)), sorted(in_topic));
    let (mut last, mut count) = (None, 0);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let place = Some((line["partition"].as_u64().unwrap(), line["offset"].as_u64().unwrap()));
        assert!(place > last, "{line}");
        (last, count) = (place, count + line["count"].as_u64().unwrap());
        assert_eq!((&line["topic"], &line["customer"]), (&"logs".into(), &"default".into()), "{line}");
    }
    assert_eq!(count, 45);

    let file = folder.path().join("frames.ndjson");
    std::fs::write(&file, &lines).unwrap();
    let embedded = folder.path().join("embedded");
    let server = Setup::new(&embedded).start_ready();
    for _ in 0..2 {
        good("export", &["queue", "replay", file.to_str().unwrap(), "--url", &url(&server)]);
    }
    let _ = server.drained();
    let sent = |name: &str, batches| (0..batches).flat_map(move |n| ids(&format!("{name}-{n}"), 3)).collect();
    let sent: [Vec<String>; 2] = [sent("read", 6), sent("waiting", 9)];
    assert_eq!(sorted(records_of(&embedded, "id")), sorted(sent.concat()));

    let (code, same) = crate::commands::run(&embedded, &["queue", "export"]);
    assert_eq!(code, Some(0), "{same}");
    assert_eq!(names(lines.lines().next().unwrap()), names(same.lines().next().unwrap()));
}

/// A record that this server rejects for its nesting, and others take.
fn nested(id: &str) -> String {
    record(id).replace('}', r#","deep":[[[[1]]]]}"#)
}

fn lenient(server: &Server, records: &[String]) {
    let post = Post::json(format!("[{}]", records.join(","))).with("prefer", "handling=lenient");
    assert_eq!(server.post(&post).status, 202);
}

/// The list, once it has so many lines.
fn listed(prefix: &str, lines: usize) -> Vec<String> {
    eventually("the dead letters are listed", PATIENCE, || {
        let list: Vec<String> = good(prefix, &["dlq", "list"]).lines().map(str::to_owned).collect();
        (list.len() >= lines).then_some(list)
    })
}

fn number(line: &str) -> &str {
    line.split(' ').next().unwrap()
}

#[test]
fn dead_letters_on_kafka_are_listed_shown_replayed_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(&folder.path().join("kafka"), &kafka::shared().brokers(), "dlq");
    let server = setup.set("limits.max_nesting=3").start_ready();
    lenient(&server, &[record("good"), nested("first"), r#"{"path":"/\u001b[31m"}"#.to_owned()]);
    let list = listed("dlq", 2);
    let in_topic = committed(kafka::shared(), "dlq.logs.dlq");
    assert_eq!(in_topic, [format!("[{}]", nested("first")), r#"[{"path":"/\u001b[31m"}]"#.to_owned()]);
    for (line, (index, reason)) in list.iter().zip([(1, "limit"), (2, "timestamp")]) {
        assert!(
            line.contains(" dead-letters logs/") && line.contains(&format!(" record {index}: ")),
            "{line}"
        );
        assert!(line.contains(reason), "{line}");
    }
    let (first, second) = (number(&list[0]), number(&list[1]));
    for (number, payload) in [first, second].into_iter().zip(&in_topic) {
        let shown = good("dlq", &["dlq", "show", number]);
        assert!(shown.lines().any(|line| line == payload), "{payload} is not in {shown}");
    }

    let other = folder.path().join("other");
    let embedded = Setup::new(&other).start_ready();
    for _ in 0..2 {
        let said = good("dlq", &["dlq", "replay", first, "--url", &url(&embedded)]);
        assert_eq!(said.trim(), "it is stored");
    }
    let _ = embedded.drained();
    assert_eq!(records_of(&other, "id"), ["first"]);

    // Each command here is as from another machine: what is dropped is dropped for all of them.
    assert_eq!(good("dlq", &["dlq", "drop", first]), "");
    assert_eq!(listed("dlq", 1), list[1..]);
    assert_eq!(good("dlq", &["dlq", "drop", second]), "");
    assert_eq!(good("dlq", &["dlq", "list"]), "");
    let after: u64 = second.parse::<u64>().unwrap() + 1;
    let mark = ["dlq.logmill-dlq", "dlq.logs.dlq", "0", &after.to_string()].map(str::to_owned);
    assert!(told("dlq").iter().any(|words| words[..4] == mark), "{:?}", told("dlq"));
    lenient(&server, &[record("fine"), nested("third")]);
    assert!(listed("dlq", 1)[0].contains(" record 1: "));
    assert!(good("dlq", &["dlq", "show", first]).contains("first"), "its bytes are still there");
    for command in ["show", "drop", "replay"] {
        let (code, _, said) = on(&kafka::shared().brokers(), "dlq", &["dlq", command, "999"]);
        assert!(code == Some(64) && said.contains("there is no dead letter 999"), "{command}: {said}");
    }
}
