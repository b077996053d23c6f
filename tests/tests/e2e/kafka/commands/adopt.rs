//! What `queue adopt` says on Kafka, done word by word.

use std::path::Path;

use logmill_e2e::{Setup, eventually, records_of};
use logmill_testkit::services::kafka;

use super::super::{drained, java, setup};
use super::{PATIENCE, on, stored};
use crate::samples::{ids, sorted};

const RENEW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kafka/commands/Renew.java");
const RESET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/kafka/commands/Reset.java");

/// The files of a topic that was deleted and made again; the door has stored more since then. The reason why they stopped.
fn stopped(setup: &Setup, prefix: &str) -> String {
    let mut server = setup.start_ready();
    stored(&mut server, 4, "old");
    let _ = drained(&server);
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    java(kafka::shared(), RENEW, &format!("{prefix}.logs"));
    let mut server = setup.start();
    let reason = eventually("the files say why they stopped", PATIENCE, || {
        let ready = server.get("/readyz");
        Some(ready.text()).filter(|text| ready.status == 503 && text.contains("queue adopt"))
    });
    stored(&mut server, 3, "new");
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    reason
}

/// Does what was said: moves the folder that is named aside.
fn move_aside(said: &str) {
    let folder = said.split("move ").nth(1).and_then(|rest| rest.split(" aside").next()).unwrap();
    std::fs::rename(folder, Path::new(folder).with_extension("aside")).unwrap();
}

#[test]
fn what_adopt_says_on_kafka_makes_the_files_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for from in ["oldest", "end"] {
        let (dir, prefix) = (format!("{data}/{from}"), format!("adopt-{from}"));
        let setup =
            setup(Path::new(&dir), &kafka::shared().brokers(), &prefix).set("queue.kafka.partitions=3");
        let reason = stopped(&setup, &prefix);
        assert!(reason.contains("belongs to log"), "{reason}");
        let files = format!("files.dir={dir}");
        let adopt = ["queue", "adopt", "--from", from, "--set", &files];
        let (code, _, said) = on(&kafka::shared().brokers(), &prefix, &adopt);
        assert_eq!(code, Some(78), "{said}");
        move_aside(&said);
        let mut expected: Vec<String> = (0..4).flat_map(|n| ids(&format!("old-{n}"), 3)).collect();
        if from == "end" {
            java(kafka::shared(), RESET, &format!("{prefix}.logmill-files {prefix}.logs"));
        } else {
            // The topic's positions went with it: the oldest is where a group without one begins.
            expected.extend((0..3).flat_map(|n| ids(&format!("new-{n}"), 3)));
        }
        let mut server = setup.start_ready();
        stored(&mut server, 2, "after");
        let _ = drained(&server);
        assert_eq!(server.stop(), Some(0), "{}", server.output());
        expected.extend((0..2).flat_map(|n| ids(&format!("after-{n}"), 3)));
        assert_eq!(sorted(records_of(Path::new(&dir), "id")), sorted(expected), "{from}");
    }
}
