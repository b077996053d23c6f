//! What a JSON object must become, by serde_json's reading of it.

use std::collections::HashSet;
use std::fmt;

use logmill_model::{MAX_METHOD, MAX_NESTING, MAX_PATH, Timestamp};
use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::bodies::{parse, try_parse};

/// The names that a record's own fields can have.
const NAMED: [&str; 5] = ["timestamp", "receivedAt", "method", "path", "userAgent"];

/// The line of an element agrees with what serde_json reads: whether there is one, and what it says.
pub(crate) fn check(element: &RawValue, line: Option<&str>) {
    let expected = expected(element);
    let found = line.map(parse);
    assert_eq!(found, expected, "{element}");
    if let Some(line) = line {
        check_texts(element, line);
    }
}

/// What the line must mean; `None` if the element is no valid record.
fn expected(element: &RawValue) -> Option<Value> {
    let Depth(depth) = try_parse(element.get()).ok()?;
    let Value::Object(mut record) = parse(element.get()) else { return None };
    if depth > MAX_NESTING {
        return None;
    }
    let time = match (record.remove("timestamp"), record.remove("receivedAt")) {
        (Some(Value::String(time)), None) | (None, Some(Value::String(time))) => time,
        _ => return None,
    };
    record.insert("timestamp".to_owned(), Value::String(in_utc(&time)?));
    match record.get("method") {
        None => (),
        Some(Value::Null) => drop(record.remove("method")),
        Some(Value::String(method)) if is_token(method) => (),
        Some(_) => return None,
    }
    let path = record.get("path")?.as_str()?;
    let agent = record.get("userAgent")?.is_string();
    (agent && (1..=MAX_PATH).contains(&path.len())).then_some(Value::Object(record))
}

fn is_token(method: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    method.chars().all(known) && (1..=MAX_METHOD).contains(&method.len())
}

/// The time in UTC with the digits that came, found without the crate's own idea of them.
pub(crate) fn in_utc(time: &str) -> Option<String> {
    let moment = Timestamp::parse(time).ok()?;
    let fraction = time.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let digits = if time.get(17..19) == Some("60") { 9 } else { digits };
    let mut text = Vec::new();
    moment.write(digits as u8, &mut text);
    String::from_utf8(text).ok()
}

/// Names in their order; all values but the time as they came, without white space.
fn check_texts(element: &RawValue, line: &str) {
    let Members(came) = try_parse(element.get()).expect("it was read before");
    let Members(found) = try_parse(line).expect("it was read before");
    let mut expected = Vec::new();
    for name in NAMED {
        let value = came.iter().find(|(key, value)| key == name && value != "null");
        expected.extend(value.map(|(_, value)| (name.replace("receivedAt", "timestamp"), value.clone())));
    }
    expected.extend(came.into_iter().filter(|(key, _)| !NAMED.contains(&key.as_str())));
    assert_eq!(found.get(1..), expected.get(1..), "{line}");
    let content = line.trim_end_matches('\n');
    assert_eq!(dense(content), content, "white space outside of strings");
}

/// JSON without white space outside of strings.
fn dense(json: &str) -> String {
    let (mut inside, mut escape) = (false, false);
    let keep = |c: &char| {
        let white = !inside && matches!(c, ' ' | '\t' | '\n' | '\r');
        inside ^= *c == '"' && !escape;
        escape = inside && *c == '\\' && !escape;
        !white
    };
    json.chars().filter(keep).collect()
}

/// The members of an object in their order, the values as dense text.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((key, dense(value.get())));
        }
        Ok(Members(members))
    }
}

/// How deep a value is nested. It lets no key stand twice: serde_json's own `Value` keeps the last.
struct Depth(u32);

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DepthVisitor)
    }
}

struct DepthVisitor;

impl<'de> Visitor<'de> for DepthVisitor {
    type Value = Depth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    // Short numbers come as such, long ones as a map with serde_json's own key.
    fn visit_i64<E>(self, _: i64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_unit<E>(self) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some(Depth(depth)) = list.next_element()? {
            deepest = deepest.max(depth);
        }
        Ok(Depth(deepest + 1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Depth, A::Error> {
        let (mut keys, mut deepest, mut number) = (HashSet::new(), 0, false);
        while let Some(key) = map.next_key::<String>()? {
            number |= key == "$serde_json::private::Number";
            let Depth(depth) = map.next_value()?;
            deepest = deepest.max(depth);
            if !keys.insert(key) {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(Depth(if number { 0 } else { deepest + 1 }))
    }
}
