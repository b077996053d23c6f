//! Random JSON that keeps the order of keys and the text of numbers, and prints itself in random ways.

use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Json {
    /// A number or a literal, as text.
    Plain(String),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z/ ,.\\-]{0,12}",
        2 => "[\\\\\"\u{0}-\u{20}\u{7f}é😀\u{2028}a]{0,10}",
        1 => any::<String>(),
        1 => "[a-zA-Z0-9 ;()/]{20,90}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-e]", 2 => "[a-z]{1,9}", 1 => text()]
}

pub(crate) fn json() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![
        number.prop_map(Json::Plain),
        prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(|text| Json::Plain(text.to_owned())),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Json::List),
            vec((key(), inner), 0..6).prop_map(Json::Map),
        ]
    })
}

fn time() -> impl Strategy<Value = Json> {
    let valid = "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]{1,9})?([Zz]|[+-](0[0-9]|1[0-9]):[0-5][0-9])";
    prop_oneof![20 => valid.prop_map(Json::Text), 1 => text().prop_map(Json::Text), 1 => json()]
}

/// Members that mostly make a valid record, in any order.
pub(crate) fn record() -> impl Strategy<Value = Json> {
    let time_key = prop_oneof![8 => Just(vec!["timestamp"]), 2 => Just(vec!["receivedAt"]), 1 => Just(vec!["timestamp", "receivedAt"]), 1 => Just(vec![])];
    let method = prop_oneof![3 => "[A-Z]{1,6}".prop_map(Json::Text), 1 => Just(Json::Plain("null".into())), 1 => text().prop_map(Json::Text)];
    let path = prop_oneof![9 => "/[a-z?=&]{0,30}".prop_map(Json::Text), 2 => text().prop_map(Json::Text), 1 => json()];
    let agent = prop_oneof![9 => text().prop_map(Json::Text), 1 => json()];
    let extras = prop_oneof![6 => vec((key(), json()), 0..5), 1 => vec((key(), json()), 30..70)];
    let members = (time_key, time(), proptest::option::of(method), path, agent, extras);
    let members = members.prop_map(|(keys, time, method, path, agent, extras)| {
        let mut members: Vec<_> = keys.into_iter().map(|key| (key.to_owned(), time.clone())).collect();
        members.extend(method.map(|method| ("method".to_owned(), method)));
        members.push(("path".to_owned(), path));
        members.push(("userAgent".to_owned(), agent));
        members.extend(extras);
        members
    });
    let members = members.boxed();
    let ordered = members.clone().prop_map(Json::Map);
    let shuffled = members.prop_shuffle().prop_map(Json::Map);
    prop_oneof![4 => ordered, 4 => shuffled, 1 => json()]
}

/// Prints values; `noise` decides on white space and escapes, none of both where it is empty.
pub(crate) struct Printer<'a> {
    pub(crate) noise: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    pub(crate) line: bool,
    pub(crate) out: String,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(noise: &'a [u8], line: bool) -> Self {
        Self { noise: noise.iter().cycle(), line, out: String::new() }
    }

    fn dice(&mut self) -> u8 {
        self.noise.next().copied().unwrap_or(255)
    }

    pub(crate) fn space(&mut self) {
        let space = match self.dice() {
            0..=20 => " ",
            21..=24 => "\t \r",
            25..=30 if !self.line => "\n  ",
            _ => "",
        };
        self.out.push_str(space);
    }

    pub(crate) fn value(&mut self, json: &Json) {
        self.space();
        match json {
            Json::Plain(text) => self.out.push_str(text),
            Json::Text(text) => self.text(text),
            Json::List(values) => {
                self.out.push('[');
                for (i, value) in values.iter().enumerate() {
                    self.comma(i);
                    self.value(value);
                }
                self.space();
                self.out.push(']');
            }
            Json::Map(members) => self.members(members),
        }
        self.space();
    }

    fn members(&mut self, members: &[(String, Json)]) {
        self.out.push('{');
        for (i, (key, value)) in members.iter().enumerate() {
            self.comma(i);
            self.space();
            self.text(key);
            self.space();
            self.out.push(':');
            self.value(value);
        }
        self.space();
        self.out.push('}');
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(',');
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            if self.dice() < 12 {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    self.out.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = serde_json::to_string(&c).unwrap();
                self.out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        self.out.push('"');
    }
}
