//! Protobuf: what prost encodes is taken and means the same, and what both take after random changes means the same.

use logmill_otlp::{Limits, check, split};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use crate::WIDE;
use crate::generate::{record, request};
use crate::mutate::{apply, edits};
use crate::plain::{Event, decoded, expected};

/// Takes the request as a receiver does, and holds what is told against prost where prost takes it too.
fn agree(body: &[u8], limits: &Limits) {
    let summary = check(body, limits);
    let events = decoded(body, limits);
    assert_eq!(summary.as_ref().err(), events.as_ref().err(), "check and read agree");
    if let (Ok(summary), Ok(events)) = (summary, events) {
        let records = events.iter().filter(|event| matches!(event, Event::Record(_))).count();
        assert_eq!(summary.records, records as u64);
        if let Ok(request) = ExportLogsServiceRequest::decode(body) {
            assert_eq!(events, expected(&request));
        }
    }
}

proptest! {
    #[test]
    fn what_prost_encodes_means_the_same(request in request()) {
        let body = request.encode_to_vec();
        let events = decoded(&body, &WIDE).unwrap();
        prop_assert_eq!(&events, &expected(&request));
        agree(&body, &WIDE);
    }

    #[test]
    fn changed_requests(request in request(), edits in edits(6)) {
        let mut body = request.encode_to_vec();
        apply(&mut body, &edits);
        agree(&body, &WIDE);
        agree(&body, &Limits { max_nesting: 2, ..WIDE });
    }

    #[test]
    fn changes_inside_of_a_record(record in record(), edits in edits(4)) {
        let mut inner = record.encode_to_vec();
        apply(&mut inner, &edits);
        let scope = framed(2, &inner);
        let resource = framed(2, &scope);
        agree(&framed(1, &resource), &WIDE);
    }

    /// A message twice is one message with the fields of both: here in the bytes themselves.
    #[test]
    fn messages_that_stand_twice(first in record(), second in record(), heads in request()) {
        let body = [first.body.clone(), second.body.clone()].into_iter().flatten();
        let bodies: Vec<u8> = body.flat_map(|value| framed(5, &value.encode_to_vec())).collect();
        let mut resource_logs = framed(2, &framed(2, &bodies));
        for other in &heads.resource_logs {
            resource_logs.extend(other.encode_to_vec());
        }
        let body = framed(1, &resource_logs);
        let request = ExportLogsServiceRequest::decode(&*body).unwrap();
        prop_assert_eq!(decoded(&body, &WIDE).unwrap(), expected(&request));
    }

    #[test]
    fn random_bytes(body in vec(any::<u8>(), 0..200)) {
        agree(&body, &WIDE);
    }

    /// Nothing that prost takes is refused, but for what the README lists: groups and nesting, here by the limits.
    #[test]
    fn what_prost_takes_is_taken(request in request(), edits in edits(3)) {
        let mut body = request.encode_to_vec();
        apply(&mut body, &edits);
        if ExportLogsServiceRequest::decode(&*body).is_ok() {
            prop_assert_eq!(check(&body, &WIDE).err(), None);
        }
    }

    #[test]
    fn parts_hold_the_same_records(request in request(), max in 300..3000_usize) {
        let body = request.encode_to_vec();
        let Ok(parts) = split(&body, max, &WIDE) else { return Ok(()) };
        let mut found = Vec::new();
        for part in &parts {
            prop_assert!(part.bytes.len() <= max, "{} > {max}", part.bytes.len());
            prop_assert_eq!(check(&part.bytes, &WIDE).unwrap().records, part.records);
            prop_assert!(part.records > 0);
            found.extend(in_context(&decoded(&part.bytes, &WIDE).unwrap()));
        }
        prop_assert_eq!(found, in_context(&expected(&request)));
    }
}

/// Each record with the resource and the scope that it stands in.
fn in_context(events: &[Event]) -> Vec<(Option<Event>, Option<Event>, Event)> {
    let (mut resource, mut scope, mut records) = (None, None, Vec::new());
    for event in events {
        match event {
            Event::Resource { .. } => resource = Some(event.clone()),
            Event::Scope { .. } => scope = Some(event.clone()),
            Event::Record(_) => records.push((resource.clone(), scope.clone(), event.clone())),
        }
    }
    records
}

/// A field of bytes, by prost's own encoding.
pub(crate) fn framed(field: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(field, &content.to_vec(), &mut bytes);
    bytes
}
