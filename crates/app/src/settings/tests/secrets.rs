//! No setting is secret yet; the mechanism is tried on a catalogue of its own.

use super::super::catalogue::{Fallback, Setting};
use super::super::kind::Kind;
use super::*;

const SECRET: Setting = Setting {
    name: "web.topic",
    kind: Kind::Name { set: |s, v| s.web.topic = v },
    default: Fallback::Text("none"),
    about: "A secret",
    aliases: &["TOPIC"],
    secret: true,
};
const SECRETS: Catalogue = Catalogue(&[&[SECRET]]);

fn problems(world: &World) -> Vec<String> {
    world.load_with(SECRETS).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_secret_comes_from_a_file_of_its_own_and_is_masked() {
    let world =
        World::default().var("LOGMILL_WEB__TOPIC_FILE", "/run/secret").file("/run/secret", "hunter2\r\n");
    let loaded = world.load_with(SECRETS).unwrap();
    assert_eq!(loaded.settings.web.topic, "hunter2");
    assert_eq!(explain(&loaded), "web.topic  ********  LOGMILL_WEB__TOPIC_FILE (/run/secret)\n");
    assert!(!format!("{:?}", loaded.provenance).contains("hunter2"));
}

#[test]
fn no_message_holds_a_secret() {
    let cases = [
        (World::default().set("web.topic=hunter 2"), "--set web.topic: web.topic: the value is not a name;"),
        (World::yaml("web: {topic: hunter 2}\n"), "./logmill.yaml:1:14: web.topic: the value is not a name;"),
        (
            World::default().var("TOPIC", "hunter2").var("LOGMILL_WEB__TOPIC", "hunter3"),
            "TOPIC (alias): web.topic: is not what LOGMILL_WEB__TOPIC says; remove one of them",
        ),
        (
            World::default()
                .var("LOGMILL_WEB__TOPIC_FILE", "f")
                .var("LOGMILL_WEB__TOPIC", "hunter3")
                .file("f", "hunter2"),
            "LOGMILL_WEB__TOPIC: web.topic: is not what LOGMILL_WEB__TOPIC_FILE (f) says; remove one of them",
        ),
        (
            World::default().var("LOGMILL_WEB__TOPIC_FILE", "f"),
            "LOGMILL_WEB__TOPIC_FILE (f): web.topic: cannot be read: entity not found; \
             check that it is there and that this user may read it",
        ),
    ];
    for (world, expected) in cases {
        let found = problems(&world).join("\n");
        assert!(found.starts_with(expected), "{found}");
        assert!(!found.contains("hunter"), "{found}");
    }
}

#[test]
fn lists_are_no_secrets() {
    // The message about a wrong member repeats it.
    assert!(CATALOGUE.all().all(|setting| !(setting.secret && matches!(setting.kind, Kind::AnyOf { .. }))));
}
