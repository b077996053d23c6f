//! Kinds of values in words and as JSON Schema.

use serde_json::{Value, json};

use super::super::catalogue::Setting;
use super::super::units::{self, show_duration, show_size};
use super::{Effect, Kind};

/// The type in a word or two.
#[cfg(test)]
pub(in super::super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Size { .. } => "size",
        Kind::Count { .. } => "number",
        Kind::Span { .. } => "duration",
        Kind::Switch { .. } => "switch",
        Kind::Address { .. } | Kind::OptionalAddress { .. } => "address",
        Kind::Path { .. } | Kind::OptionalPath { .. } => "path",
        Kind::Destination { .. } => "path or URL",
        Kind::Text { .. } => "text",
        Kind::Name { .. } => "name",
        Kind::OneOf { .. } => "choice",
        Kind::AnyOf { .. } => "list",
    }
}

/// What a setting takes, in words.
pub(in super::super) fn allowed(setting: &Setting) -> String {
    match setting.kind {
        Kind::Size { min, max, .. } => format!("{} to {}", show_size(min), show_size(max)),
        Kind::Count { min, max, .. } => format!("{min} to {max}"),
        Kind::Span { min, max, .. } => format!("{} to {}", show_duration(min), show_duration(max)),
        Kind::Switch { .. } => "true or false".to_owned(),
        Kind::Address { .. } => "IP address:port, or :port for all addresses".to_owned(),
        Kind::OptionalAddress { .. } => "IP address:port, :port for all addresses, or empty".to_owned(),
        Kind::Path { .. } => "a path on this machine".to_owned(),
        Kind::Destination { .. } => "a path on this machine, or s3://, az:// or gs://".to_owned(),
        Kind::OptionalPath { .. } => "a path on this machine, or empty".to_owned(),
        Kind::Text { allowed, .. } => allowed.to_owned(),
        Kind::Name { .. } => "1 to 200 characters of A-Z a-z 0-9 . _ -".to_owned(),
        Kind::OneOf { .. } => format!("one of {}", names(setting.kind).join(", ")),
        Kind::AnyOf { .. } => format!("any of {}", names(setting.kind).join(", ")),
    }
}

fn names(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::OneOf { choices } | Kind::AnyOf { choices } => {
            let offered = choices.iter().filter(|choice| matches!(choice.effect, Effect::Set(_)));
            offered.map(|choice| choice.name).collect()
        }
        _ => Vec::new(),
    }
}

/// The JSON Schema of a value in a file. It takes all that `load` takes; ranges of texts with units, and
/// rules between settings, only `load` knows.
pub(in super::super) fn json_schema(kind: Kind) -> Value {
    match kind {
        Kind::Size { min, max, .. } => json!({"anyOf": [
            {"type": "integer", "minimum": min, "maximum": max},
            {"type": "string", "pattern": units::SIZE_PATTERN},
        ]}),
        Kind::Span { min, max, .. } => json!({"anyOf": [
            {"type": "number", "minimum": min.as_secs_f64(), "maximum": max.as_secs_f64()},
            {"type": "string", "pattern": units::DURATION_PATTERN},
        ]}),
        Kind::Count { min, max, .. } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Switch { .. } => json!({"type": "boolean"}),
        Kind::Address { .. } => json!({"type": "string", "pattern": r"^.*:[0-9]+$"}),
        Kind::OptionalAddress { .. } => json!({"type": "string", "pattern": r"^(.*:[0-9]+)?$"}),
        Kind::Path { .. } | Kind::Destination { .. } => json!({"type": "string", "minLength": 1}),
        Kind::OptionalPath { .. } | Kind::Text { .. } => json!({"type": "string"}),
        Kind::Name { .. } => json!({"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,200}$"}),
        Kind::OneOf { .. } => json!({"enum": names(kind)}),
        Kind::AnyOf { .. } => json!({"anyOf": [
            {"type": "array", "items": {"enum": names(kind)}, "minItems": 1},
            {"type": "string", "pattern": list_pattern(&names(kind))},
        ]}),
    }
}

fn list_pattern(names: &[&str]) -> String {
    let one = names.join("|");
    format!(r"^\s*({one})\s*(,\s*({one})\s*)*$")
}
