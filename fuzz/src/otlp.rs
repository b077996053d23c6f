//! OpenTelemetry requests: bytes that are protobuf, JSON or neither.

use logmill_otlp::{
    Attributes, Limits, Record, RecordReader, Resource, Scope, Visitor, check as door, read, split,
    to_protobuf,
};

/// As a receiver takes it: nesting as by default, so that small inputs come beyond it.
const LIMITS: Limits = Limits { max_nesting: 32, max_expanded: u64::MAX };

/// Both encodings of the same bytes.
pub fn check(body: &[u8]) {
    protobuf(body);
    if let Ok(made) = to_protobuf(body, &LIMITS) {
        assert!(made.len() <= body.len(), "{} > {}", made.len(), body.len());
        assert!(door(&made, &LIMITS).is_ok(), "what is made of JSON is taken");
        protobuf(&made);
    }
}

fn protobuf(body: &[u8]) {
    let mut seen = Seen { body, records: 0, text: String::new() };
    let told = read(body, &LIMITS, &mut seen);
    assert_eq!(door(body, &LIMITS), told);
    match told {
        Ok(summary) => assert_eq!(summary.records, seen.records),
        Err(_) => assert_eq!(seen.records, 0, "nothing is told of a request that is refused"),
    }
    if let (Ok(summary), Ok(parts)) = (told, split(body, 256, &LIMITS)) {
        let records = parts.iter().map(|part| door(&part.bytes, &LIMITS).map(|summary| summary.records));
        assert_eq!(records.sum::<Result<u64, _>>(), Ok(summary.records));
        assert!(parts.iter().all(|part| part.bytes.len() <= 256));
    }
}

/// Looks at everything that is told.
struct Seen<'a> {
    body: &'a [u8],
    records: u64,
    text: String,
}

impl Seen<'_> {
    fn attributes(&mut self, attributes: Attributes<'_>) {
        for (key, value) in attributes {
            key.write(&mut self.text);
            value.write_text(&mut self.text);
        }
        self.text.clear();
    }
}

impl Visitor for Seen<'_> {
    fn resource(&mut self, resource: &Resource<'_>) {
        self.attributes(resource.attributes());
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.attributes(scope.attributes());
    }

    fn record(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.attributes(record.attributes());
        let (mut text, mut again) = (String::new(), String::new());
        record.body().write_text(&mut text);
        let mut reader = RecordReader::default();
        let bytes = self.body.get(record.place()).expect("a record lies in its request");
        let alone = reader.read(bytes).expect("a record that was told is right");
        alone.body().write_text(&mut again);
        assert_eq!(text, again);
        assert_eq!((record.trace_id(), record.span_id()), (alone.trace_id(), alone.span_id()));
        if !matches!(record.body(), logmill_otlp::Value::String(_) | logmill_otlp::Value::Empty) {
            let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
            assert!(read.is_ok(), "{text}");
        }
    }
}
