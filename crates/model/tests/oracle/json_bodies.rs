//! JSON and NDJSON against serde_json.

use std::fmt;

use logmill_model::{Format, MAX_METHOD, MAX_PATH, Summary, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{Json, Printer, record};
use crate::mutate::{apply, edits};
use crate::{lenient, lines};

/// The keys and values of a body's elements as text; the elements as text. `None` where the grammar does not hold.
fn array(body: &[u8]) -> Option<Vec<&RawValue>> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// The lines that are not blank; `None` for a line against the grammar.
fn ndjson(body: &[u8]) -> Option<Vec<Option<&RawValue>>> {
    let text = std::str::from_utf8(body).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blank = |line: &&str| !line.trim_matches([' ', '\t', '\r']).is_empty();
    Some(text.split('\n').filter(blank).map(|line| serde_json::from_str(line).ok()).collect())
}

/// Parses everything and lets no key stand twice: serde_json's own `Value` keeps the last.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    // Short numbers come as such, long ones as a map with serde_json's own key.
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Self>()?;
            if !keys.insert(key) {
                return Err(serde::de::Error::custom("twice"));
            }
        }
        Ok(self)
    }
}

/// What the line of an element must mean; `None` if the element is no valid record.
fn expected(element: &RawValue) -> Option<Value> {
    serde_json::from_str::<Unique>(element.get()).ok()?;
    let Value::Object(mut record) = serde_json::from_str(element.get()).ok()? else { return None };
    let time = match (record.remove("timestamp"), record.remove("receivedAt")) {
        (Some(Value::String(time)), None) | (None, Some(Value::String(time))) => time,
        _ => return None,
    };
    record.insert("timestamp".to_owned(), Value::String(in_utc(&time)?));
    match record.get("method") {
        Some(Value::Null) => drop(record.remove("method")),
        Some(Value::String(method)) if is_token(method) => (),
        None => (),
        _ => return None,
    }
    let path = record.get("path")?.as_str()?;
    let agent = record.get("userAgent")?.is_string();
    (agent && (1..=MAX_PATH).contains(&path.len())).then_some(Value::Object(record))
}

fn is_token(method: &str) -> bool {
    let others = "!#$%&'*+-.^_`|~";
    let token = method.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
    token && (1..=MAX_METHOD).contains(&method.len())
}

/// The digits that came, found without the crate's own idea of them.
pub(crate) fn in_utc(time: &str) -> Option<String> {
    let moment = Timestamp::parse(time).ok()?;
    let digits =
        time.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let digits = if time.get(17..19) == Some("60") { 9 } else { digits };
    let mut text = Vec::new();
    moment.write(digits as u8, &mut text);
    String::from_utf8(text).ok()
}

fn check_array(body: &[u8]) {
    let summary = lenient(Format::Json, body);
    let expect = array(body);
    assert_eq!(summary.is_some(), expect.is_some(), "the grammar of {}", String::from_utf8_lossy(body));
    let (Some(summary), Some(elements)) = (summary, expect) else { return };
    let expect: Vec<_> = elements.iter().map(|element| expected(element)).collect();
    check_texts(Format::Json, body, &summary, elements.into_iter().map(Some));
    compare(Format::Json, body, &summary, expect);
}

fn check_ndjson(body: &[u8]) {
    let summary = lenient(Format::Ndjson, body);
    let expect = ndjson(body);
    assert_eq!(summary.is_some(), expect.is_some());
    let (Some(summary), Some(elements)) = (summary, expect) else { return };
    let expect: Vec<_> = elements.iter().map(|element| expected((*element)?)).collect();
    check_texts(Format::Ndjson, body, &summary, elements.into_iter());
    compare(Format::Ndjson, body, &summary, expect);
}

fn check_texts<'a>(
    format: Format,
    body: &[u8],
    summary: &Summary,
    elements: impl Iterator<Item = Option<&'a RawValue>>,
) {
    let accepted = (0..).zip(elements).filter(|(index, _)| !summary.rejected.contains(index));
    for ((_, element), line) in accepted.zip(lines(format, body, summary)) {
        check_text(element.expect("what is accepted is JSON"), &line);
    }
}

fn compare(format: Format, body: &[u8], summary: &Summary, expect: Vec<Option<Value>>) {
    let rejected: Vec<_> =
        (0..).zip(&expect).filter(|(_, record)| record.is_none()).map(|(i, _)| i).collect();
    assert_eq!(summary.rejected, rejected, "{}", String::from_utf8_lossy(body));
    let expect: Vec<_> = expect.into_iter().flatten().collect();
    let found: Vec<Value> =
        lines(format, body, summary).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found, expect);
}

/// The members of an object in their order, the values as text without white space.
#[derive(Default)]
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            self.0.push((key, dense(value.get())));
        }
        Ok(self)
    }
}

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

/// Order and text of a record's line: the named fields first, all values but the time as they came.
fn check_text(element: &RawValue, line: &str) {
    let Members(came) = serde_json::from_str(element.get()).unwrap();
    let Members(found) = serde_json::from_str(line).unwrap();
    let named = ["timestamp", "receivedAt", "method", "path", "userAgent"];
    let mut expect = Vec::new();
    for name in named {
        let value = came.iter().find(|(key, value)| key == name && value != "null");
        expect.extend(value.map(|(_, value)| (name.replace("receivedAt", "timestamp"), value.clone())));
    }
    expect.extend(came.into_iter().filter(|(key, _)| !named.contains(&key.as_str())));
    assert_eq!(found[1..], expect[1..], "{line}");
    assert_eq!(found[0].0, "timestamp");
    assert_eq!(dense(line), line, "no white space outside strings");
}

/// The comparison of numbers as text rests on this feature of serde_json. Only exponents it writes its own way.
#[test]
fn the_oracle_keeps_the_text_of_numbers() {
    for text in ["1.00", "1e+5", "-0", "18446744073709551616", "0.1000"] {
        assert_eq!(serde_json::from_str::<Value>(text).unwrap().to_string(), text);
    }
}

fn print_array(records: &[Json], noise: &[u8]) -> Vec<u8> {
    let mut printer = Printer::new(noise, false);
    printer.value(&Json::List(records.to_vec()));
    printer.out.into_bytes()
}

fn print_lines(records: &[Json], noise: &[u8]) -> Vec<u8> {
    let mut printer = Printer::new(noise, true);
    for record in records {
        printer.value(record);
        printer.out.push('\n');
    }
    printer.out.into_bytes()
}

proptest! {
    #[test]
    fn an_array_means_the_same(records in vec(record(), 0..6), noise in vec(any::<u8>(), 0..64)) {
        check_array(&print_array(&records, &noise));
    }

    #[test]
    fn lines_mean_the_same(records in vec(record(), 0..6), noise in vec(any::<u8>(), 0..64)) {
        check_ndjson(&print_lines(&records, &noise));
    }

    #[test]
    fn a_changed_array_means_the_same(records in vec(record(), 0..4), noise in vec(any::<u8>(), 0..8), edits in edits(4)) {
        let mut body = print_array(&records, &noise);
        apply(&mut body, &edits);
        check_array(&body);
    }

    #[test]
    fn changed_lines_mean_the_same(records in vec(record(), 0..4), noise in vec(any::<u8>(), 0..8), edits in edits(4)) {
        let mut body = print_lines(&records, &noise);
        apply(&mut body, &edits);
        check_ndjson(&body);
    }

    #[test]
    fn any_pieces_mean_the_same(edits in edits(40)) {
        let mut body = Vec::new();
        apply(&mut body, &edits);
        check_array(&body);
        check_ndjson(&body);
    }

    #[test]
    fn any_bytes_mean_the_same(body in vec(any::<u8>(), 0..200)) {
        check_array(&body);
        check_ndjson(&body);
    }
}
