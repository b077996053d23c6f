//! What the catalogue is made into agrees with what `load` takes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use regex_lite::Regex;
use serde_json::{Value, json};

use super::super::kind::{Form, Scalar};
use super::super::yaml::{self, Node};
use super::*;

/// YAML as JSON, by the core schema.
fn to_json(node: &Node) -> Value {
    match node {
        Node::Scalar(scalar) => scalar_to_json(scalar),
        Node::List(nodes, _) => nodes.iter().map(to_json).collect(),
        Node::Map(entries, _) => entries.iter().map(|e| (e.key.clone(), to_json(&e.value))).collect(),
        Node::Refused(_) => panic!("no JSON"),
    }
}

fn scalar_to_json(scalar: &Scalar) -> Value {
    let number = scalar.text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    match scalar.text.as_str() {
        _ if scalar.form == Form::Quoted => json!(scalar.text),
        _ if scalar.is_null() => Value::Null,
        "true" => json!(true),
        "false" => json!(false),
        text if number && text.parse::<u64>().is_ok() => json!(text.parse::<u64>().unwrap()),
        text if number && text.parse::<f64>().is_ok() => json!(text.parse::<f64>().unwrap()),
        text => json!(text),
    }
}

/// As much of JSON Schema as ours uses; anything else fails, so that nothing is left unchecked.
fn accepts(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| match word.as_str() {
        "$schema" | "title" | "description" | "default" | "writeOnly" => true,
        "type" => {
            rule.as_array().map_or_else(|| is_type(rule, value), |all| all.iter().any(|t| is_type(t, value)))
        }
        "anyOf" => rule.as_array().unwrap().iter().any(|schema| accepts(schema, value)),
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
        "pattern" => {
            value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))
        }
        "minLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap())
        }
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|item| accepts(rule, item))),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| rule.get(key).is_some_and(|schema| accepts(schema, value)))
        }),
        // `properties` above refuses other keys already.
        "additionalProperties" => *rule == json!(false),
        other => panic!("{other}"),
    })
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}

fn schema_accepts(text: &str) -> bool {
    yaml::read(text).root.is_none_or(|root| accepts(&schema(), &to_json(&root)))
}

/// The file of `init` with every setting uncommented.
fn uncommented() -> String {
    let setting = Regex::new(r"(?m)^( *)# ([a-z_]+: \S+)$").unwrap();
    setting.replace_all(&init(), "$1$2").into_owned()
}

#[test]
fn the_first_file_passes_as_it_is() {
    assert_eq!(World::yaml(&init()).load().settings, World::default().load().settings);
    assert!(schema_accepts(&init()));
}

#[test]
fn the_first_file_passes_uncommented_and_sets_everything() {
    let text = uncommented();
    let loaded = World::yaml(&text).load();
    let unset: Vec<_> = loaded
        .provenance
        .iter()
        .filter(|value| value.origin == crate::settings::problem::Origin::Default)
        .collect();
    assert!(unset.is_empty(), "{unset:?}");
    assert!(schema_accepts(&text));
    // What has a plain default is shown with just that.
    let defaults = World::default().load();
    for (shown, default) in loaded.provenance.iter().zip(&defaults.provenance) {
        if default.note.is_none() {
            let name = shown.name;
            let settings = World::default().set(&format!("{name}={}", default.value.clone().unwrap())).load();
            assert_eq!(settings.provenance.iter().find(|v| v.name == name).unwrap().value, shown.value);
        }
    }
}

#[test]
fn the_first_file_never_overwrites() {
    let files = Memory::default();
    write_init(&files, Path::new("logmill.yaml")).unwrap();
    assert_eq!(files.read(Path::new("logmill.yaml"), 1 << 20).unwrap(), init().as_bytes());
    let error = write_init(&files, Path::new("logmill.yaml")).unwrap_err();
    assert_eq!(error.to_string(), "logmill.yaml: is there already; choose another name, or remove it first");
}

#[test]
fn a_catalogue_is_consistent() {
    let names: Vec<_> = CATALOGUE.all().map(|setting| setting.name).collect();
    let variables: BTreeSet<_> = CATALOGUE.all().map(|setting| setting.variable()).collect();
    let aliases: Vec<_> = CATALOGUE.all().flat_map(|setting| setting.aliases).collect();
    assert_eq!(variables.len(), names.len(), "two settings share a variable");
    assert_eq!(aliases.iter().collect::<BTreeSet<_>>().len(), aliases.len(), "two settings share an alias");
    assert!(names.iter().all(|name| !CATALOGUE.sections().any(|section| section == *name)));
    for rule in super::super::rules::RULES {
        assert!(rule.settings.iter().all(|name| names.contains(name)), "{:?}", rule.settings);
    }
    // A section stands in one piece, or the commented file would hold it twice.
    let tops: Vec<_> = names.iter().filter_map(|name| name.split_once('.').map(|(top, _)| top)).collect();
    let pieces = tops.chunk_by(|a, b| a == b).count();
    assert_eq!(pieces, tops.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn explain_has_aligned_columns() {
    let text = explain(&World::yaml("roles: [files]\nlog:\n  level: warn\n").load());
    let expected = "\
data_dir                         ./data          default
roles                            files           ./logmill.yaml:1:8
shutdown_timeout                 30s             default
log.level                        warn            ./logmill.yaml:3:10
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\nqueue.partitions                 3               default: number of cores\n"));
}

/// A setting with some value that is often right.
fn line() -> impl Strategy<Value = (&'static str, &'static str)> {
    const VALUES: &[&str] = &[
        "5",
        "'5'",
        "0",
        "100",
        "1.5",
        "0.5",
        "2MiB",
        "1GiB",
        "0.5GiB",
        "64KiB",
        "200ms",
        "1s",
        "'10'",
        "24h",
        "true",
        "'true'",
        "false",
        "all",
        "[all]",
        "[ingest, files]",
        "'ingest, api'",
        "[]",
        "x",
        "'x'",
        "./x",
        "':80'",
        ":80",
        "'[::1]:80'",
        "info",
        "json",
        "embedded",
        "~",
        "''",
        "1e3",
        "2097152",
        "-1",
        "[[all]]",
        "{a: b}",
        "0x10",
    ];
    let names: Vec<_> = CATALOGUE.all().map(|setting| setting.name).collect();
    (prop::sample::select(names), prop::sample::select(VALUES))
}

proptest! {
    #[test]
    fn the_schema_accepts_what_load_takes((name, value) in line()) {
        let text = match name.split_once('.') {
            Some((section, name)) => format!("{section}:\n  {name}: {value}\n"),
            None => format!("{name}: {value}\n"),
        };
        // Rules between settings are not in the schema, so only the other direction holds.
        if World::yaml(&text).problems().is_empty() {
            prop_assert!(schema_accepts(&text), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_settings_or_problems(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        _ = World::default().file("./logmill.yaml", bytes).load_with(CATALOGUE);
    }

    #[test]
    fn any_lines_are_settings_or_problems(
        lines in prop::collection::vec(("[ \t]{0,4}", line(), "[ a-z:\\[{&*!|>'\"#]{0,6}"), 0..12)
    ) {
        let parts = lines.iter().flat_map(|(indent, (name, value), rest)| {
            name.split('.').enumerate().map(move |(depth, part)| {
                let value = if name.ends_with(part) { *value } else { "" };
                format!("{indent}{}{part}: {value}{rest}\n", "  ".repeat(depth))
            })
        });
        let text: String = parts.collect();
        let problems = World::yaml(&text).problems();
        // One line each, and nothing that drives a terminal.
        prop_assert!(problems.iter().all(|problem| !problem.chars().any(char::is_control)), "{:?}", problems);
    }

    #[test]
    fn any_argument_is_a_setting_or_a_problem(argument in ".{0,40}") {
        prop_assert!(!World::default().set(&argument).problem().is_empty());
    }
}
