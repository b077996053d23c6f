//! The JSON Schema of the settings file.

use serde_json::{Map, Value, json};

use super::super::catalogue::{CATALOGUE, Catalogue, Fallback, Setting};
use super::super::kind::{Kind, json_schema};
use super::default_of;

/// The JSON Schema (draft 2020-12) of the settings file. It takes every file that `load` takes; rules between
/// settings, and ranges of texts with units, only `load` checks.
#[must_use]
pub(crate) fn schema() -> Value {
    let mut root = section(CATALOGUE, "");
    root.insert("title".to_owned(), json!("Settings of logmill"));
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    whole.extend(root);
    Value::Object(whole)
}

/// A section; an empty one is null in YAML.
fn section(catalogue: Catalogue, name: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    for setting in catalogue.all() {
        let Some(rest) = below(setting.name, name) else { continue };
        match rest.split_once('.') {
            None => _ = properties.insert(rest.to_owned(), leaf(setting)),
            Some((inner, _)) if !properties.contains_key(inner) => {
                let full = if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
                properties.insert(inner.to_owned(), Value::Object(section(catalogue, &full)));
            }
            Some(_) => {}
        }
    }
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(["object", "null"]));
    map.insert("additionalProperties".to_owned(), json!(false));
    map.insert("properties".to_owned(), Value::Object(properties));
    map
}

fn below<'a>(setting: &'a str, section: &str) -> Option<&'a str> {
    match section {
        "" => Some(setting),
        _ => setting.strip_prefix(section)?.strip_prefix('.'),
    }
}

fn leaf(setting: &Setting) -> Value {
    let mut description = format!("{}.", setting.about);
    if !matches!(setting.default, Fallback::Text(_)) {
        description.push_str(&format!(" Default: {}.", default_of(setting)));
    }
    let mut leaf = json!({ "description": description });
    if let (Value::Object(leaf), Value::Object(kind)) = (&mut leaf, json_schema(setting.kind)) {
        leaf.extend(kind);
        if let Fallback::Text(text) = setting.default {
            leaf.insert("default".to_owned(), typed(setting, text));
        }
        if setting.secret {
            leaf.insert("writeOnly".to_owned(), json!(true));
        }
    }
    leaf
}

/// A default in the JSON type that the setting has in a file.
fn typed(setting: &Setting, text: &str) -> Value {
    match setting.kind {
        Kind::Count { .. } | Kind::Switch { .. } => text.parse().unwrap_or_else(|_| json!(text)),
        Kind::AnyOf { .. } => text.split(',').map(str::trim).collect(),
        _ => json!(text),
    }
}
