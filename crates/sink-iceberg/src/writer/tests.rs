use std::sync::Arc;

use bytes::Bytes;
use logmill_otlp::{Limits, to_protobuf};
use logmill_queue::{Delivery, Encoding, Frame, Header, Writer};
use prometheus::IntGauge;
use serde_json::json;

use super::{Budget, RowWriter, StagedRows};
use crate::rows::Window;

const REQUEST: Encoding = Encoding(9);
const DAY: i64 = 86_400_000_000;

fn writer(budget: &Arc<Budget>) -> RowWriter {
    RowWriter::new(REQUEST, Window::default(), budget)
}

/// A frame with so many records of a day, the first of which has a text of so many bytes.
fn frame(day: i64, text: usize, count: usize) -> Frame {
    let mut records = vec![json!({ "timeUnixNano": (day * DAY * 1000).to_string() }); count];
    records[0]["body"] = json!({ "stringValue": "x".repeat(text) });
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] }).to_string();
    let payload = to_protobuf(body.as_bytes(), &Limits::default()).unwrap();
    let header = Header::new(REQUEST, u32::try_from(count).unwrap(), day * DAY);
    Frame { offset: 5, header, payload: Bytes::from(payload) }
}

fn is_full(writer: &mut RowWriter, frame: &Frame) -> bool {
    let written = writer.write(&Delivery::Frame(frame.clone()));
    assert!(written.rejected.is_empty(), "{written:?}");
    written.full
}

fn size(frame: &Frame) -> u64 {
    frame.payload.len() as u64
}

fn gauge() -> IntGauge {
    IntGauge::new("lake_buffer_bytes", "held").unwrap()
}

#[test]
fn writers_are_full_when_their_payload_together_is() {
    let (long, short) = (frame(1, 6000, 1), frame(1, 400, 1));
    let budget = Budget::new(1 << 30, size(&long) + 2 * size(&short), gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!is_full(&mut one, &long));
    assert!(!is_full(&mut two, &short));
    assert!(is_full(&mut two, &short), "all that is allowed");
    two.stage();
    assert!(!is_full(&mut two, &short), "what was staged no longer counts");
    drop(one);
    assert!(!is_full(&mut two, &long), "nor what was dropped");
    assert!(is_full(&mut two, &short));
}

#[test]
fn somebody_with_little_payload_is_not_staged_for_the_others() {
    let (long, short) = (frame(1, 6400, 1), frame(1, 60, 1));
    let budget = Budget::new(1 << 30, size(&long), gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(is_full(&mut one, &long));
    assert!(size(&short) < size(&long) / 64, "a small file would not help");
    assert!(!is_full(&mut two, &short));
    assert!(is_full(&mut two, &short), "a sixty-fourth is enough for a file");
}

#[test]
fn memory_counts_until_the_range_is_committed() {
    let (long, short) = (frame(1, 40_000, 1), frame(1, 10, 1));
    let held = gauge();
    let budget = Budget::new(80_000, 1 << 30, held.clone());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!is_full(&mut one, &long));
    assert!((40_000..45_000).contains(&held.get()), "{}", held.get());
    let staged = one.stage();
    assert!((40_000..45_000).contains(&held.get()), "staged rows are still in memory: {}", held.get());
    assert!(is_full(&mut two, &frame(1, 30_000, 1)), "seven eighths are held");
    drop(staged);
    assert!((30_000..35_000).contains(&held.get()), "{}", held.get());
    assert!(!is_full(&mut two, &short));
    drop((one, two));
    assert_eq!(held.get(), 0);
}

#[test]
fn a_range_has_at_most_64_days() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    for day in 0..63 {
        assert!(!is_full(&mut writer, &frame(day, 4, 1)));
    }
    assert!(is_full(&mut writer, &frame(63, 4, 1)));
}

#[test]
fn all_records_of_a_range_are_accounted_for() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    assert!(!is_full(&mut writer, &frame(1, 8, 10)));
    let mut torn = frame(1, 8, 3);
    torn.payload = torn.payload.slice(..torn.payload.len() - 1);
    let rejected = writer.write(&Delivery::Frame(torn)).rejected;
    assert_eq!((rejected.len(), rejected[0].offset, rejected[0].index), (1, 5, None));
    let mut other = frame(1, 8, 1);
    other.header.encoding = Encoding(1);
    let rejected = writer.write(&Delivery::Frame(other)).rejected;
    assert_eq!(rejected[0].reason, "encoding 1 is no OpenTelemetry request");
    writer.write(&Delivery::Damaged { from: 6, to: 8, records: 4 });
    writer.skip(&frame(1, 8, 2));
    let staged = writer.stage();
    let staged = staged.downcast_ref::<StagedRows>().unwrap();
    let totals = staged.totals;
    assert_eq!((totals.read, totals.delivered, totals.dead_lettered, totals.damaged), (20, 10, 6, 4));
    assert_eq!(staged.collected.rows(), 10);
    let sum: u64 = totals.named()[1..].iter().map(|(_, n)| n).sum();
    assert_eq!(sum, totals.read);
}
