//! What a visitor is told where the bytes leave room for doubt.

use super::{Record, RecordReader, Resource, Scope, Visitor, locate, read};
use crate::testing::{field, request};
use crate::{Attributes, Id, Limits, Value};

/// Writes down what it is told.
#[derive(Default)]
struct Notes(Vec<String>);

impl Visitor for Notes {
    fn resource(&mut self, resource: &Resource<'_>) {
        self.0.push(format!("resource {}", keys(resource.attributes())));
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.0.push(format!("scope {} {}", scope.name().lossy(), keys(scope.attributes())));
    }

    fn record(&mut self, record: &Record<'_>) {
        let mut body = String::new();
        record.body().write_text(&mut body);
        self.0.push(format!("record {body} {}", keys(record.attributes())));
    }
}

fn keys(attributes: Attributes<'_>) -> String {
    attributes.map(|(key, _)| key.lossy().into_owned()).collect::<Vec<_>>().join(",")
}

fn notes(body: &[u8]) -> Vec<String> {
    let mut notes = Notes::default();
    read(body, &Limits::default(), &mut notes).unwrap();
    notes.0
}

fn keyed(key: &[u8]) -> Vec<u8> {
    field(1, key)
}

#[test]
fn heads_may_stand_behind_their_records() {
    let record = field(2, &field(5, &field(1, b"hello")));
    let scope = field(1, &[field(1, b"late scope"), field(3, &keyed(b"s"))].concat());
    let scope_logs = field(2, &[record, scope].concat());
    let resource = field(1, &field(1, &keyed(b"r")));
    let body = field(1, &[scope_logs, resource].concat());
    assert_eq!(notes(&body), ["resource r", "scope late scope s", "record hello "]);
}

#[test]
fn heads_that_are_absent_or_stand_twice() {
    let scope = |name: &[u8]| field(1, &field(1, name));
    let resource = |key: &[u8]| field(1, &field(1, &keyed(key)));
    let twice =
        field(1, &[resource(b"a"), field(2, &[scope(b"x"), scope(b"y")].concat()), resource(b"b")].concat());
    let absent = field(1, &field(2, b""));
    assert_eq!(notes(&[twice, absent].concat()), ["resource a,b", "scope y ", "resource ", "scope  "]);
}

#[test]
fn the_last_member_of_a_value_wins_and_lists_go_on() {
    let text = |text: &[u8]| field(1, text);
    let array = |element: &[u8]| field(5, &field(1, &text(element)));
    let body = |value: &[u8]| notes(&request(&field(5, value))).remove(2);
    assert_eq!(body(&[array(b"a"), array(b"b")].concat()), r#"record ["a","b"] "#);
    assert_eq!(body(&[array(b"a"), text(b"t"), array(b"b")].concat()), r#"record ["b"] "#);
    assert_eq!(body(&[text(b"t"), vec![0x18, 0x07]].concat()), "record 7 ");
    let twice = [field(5, &array(b"a")), field(5, b""), field(5, &array(b"b"))].concat();
    assert_eq!(notes(&request(&twice)), ["resource ", "scope  ", r#"record ["a","b"] "#]);
}

#[test]
fn nothing_is_told_of_a_request_that_is_refused() {
    let mut body = request(b"");
    body.extend(field(1, &[0x08]));
    let mut told = Notes::default();
    read(&body, &Limits::default(), &mut told).unwrap_err();
    assert_eq!(told.0, [""; 0]);
}

#[test]
fn ids() {
    struct Ids(Id<16>, Id<8>);
    impl Visitor for Ids {
        fn resource(&mut self, _: &Resource<'_>) {}
        fn scope(&mut self, _: &Scope<'_>) {}
        fn record(&mut self, record: &Record<'_>) {
            (self.0, self.1) = (record.trace_id(), record.span_id());
            assert!(matches!(record.body(), Value::Empty));
        }
    }
    let ids = |trace: &[u8], span: &[u8]| {
        let mut ids = Ids(Id::Absent, Id::Absent);
        let record = [field(9, trace), field(10, span)].concat();
        read(&request(&record), &Limits::default(), &mut ids).unwrap();
        (ids.0, ids.1)
    };
    assert_eq!(
        ids(b"0123456789abcdef", b"01234567"),
        (Id::Valid(*b"0123456789abcdef"), Id::Valid(*b"01234567"))
    );
    assert_eq!(ids(&[0; 16], &[0; 8]), (Id::Absent, Id::Absent));
    assert_eq!(ids(b"", b""), (Id::Absent, Id::Absent));
    assert_eq!(ids(&[0; 15], b"012345678"), (Id::WrongLength, Id::WrongLength));
}

/// Reads each record again from its place.
struct Again<'a>(&'a [u8], usize);

impl Visitor for Again<'_> {
    fn resource(&mut self, _: &Resource<'_>) {}
    fn scope(&mut self, _: &Scope<'_>) {}
    fn record(&mut self, record: &Record<'_>) {
        let mut reader = RecordReader::default();
        let again = reader.read(&self.0[record.place()]).unwrap();
        assert_eq!(again.severity_text().as_bytes(), record.severity_text().as_bytes());
        assert_eq!(keys(again.attributes()), keys(record.attributes()));
        assert!(matches!(again.body(), Value::Empty), "nothing is left of the record before");
        self.1 += 1;
    }
}

#[test]
fn single_records_are_read_again_from_their_places() {
    let record = |name: &[u8]| field(2, &[field(3, name), field(6, &keyed(name))].concat());
    let body = field(1, &field(2, &[record(b"first"), record(b"second")].concat()));
    let mut again = Again(&body, 0);
    read(&body, &Limits::default(), &mut again).unwrap();
    assert_eq!(again.1, 2);
    RecordReader::default().read(&[0x08]).unwrap_err();
}

/// Times and places.
#[derive(Default, Debug, PartialEq)]
struct Places(Vec<(u64, u64, std::ops::Range<usize>)>);

impl Visitor for Places {
    fn resource(&mut self, _: &Resource<'_>) {}

    fn scope(&mut self, _: &Scope<'_>) {}

    fn record(&mut self, record: &Record<'_>) {
        self.0.push((record.time_unix_nano(), record.observed_time_unix_nano(), record.place()));
    }
}

#[test]
fn records_are_located_where_they_are_read() {
    let fixed = |number: u8, value: u64| [&[number << 3 | 1][..], &value.to_le_bytes()].concat();
    // An unknown group, a value that has the number of a time inside, and a time that stands twice.
    let records = [
        [vec![0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06], fixed(1, 7), fixed(11, 8)].concat(),
        [field(5, &fixed(4, 9)), fixed(11, 3), fixed(1, 4), fixed(1, 5)].concat(),
        field(6, &keyed(b"k")),
    ];
    let body = records.map(|record| request(&record)).concat();
    let (mut located, mut whole) = (Places::default(), Places::default());
    let summary = locate(&body, &Limits::default(), &mut located).unwrap();
    assert_eq!(summary, read(&body, &Limits::default(), &mut whole).unwrap());
    assert_eq!(located, whole);
    let times: Vec<_> = located.0.iter().map(|(time, observed, _)| (*time, *observed)).collect();
    assert_eq!(times, [(7, 8), (5, 3), (0, 0)]);
    let mut told = Places::default();
    locate(&body[..body.len() - 1], &Limits::default(), &mut told).unwrap_err();
    assert_eq!(told, Places::default(), "nothing is told of a request that is cut");
}
