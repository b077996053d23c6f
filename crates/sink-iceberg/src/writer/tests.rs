use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use logmill_otlp::ENCODING;
use logmill_queue::{Delivery, Encoding, Frame, Header, Writer};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prometheus::IntGauge;
use prost::Message;

use super::{Budget, RowWriter, StagedRows};
use crate::rows::Window;

const DAY: u64 = 86_400_000_000_000;

fn writer(budget: &Arc<Budget>) -> RowWriter {
    RowWriter::new(Window { past: Duration::MAX, future: Duration::MAX }, budget)
}

/// So many records of a day.
fn request(day: u8, records: u32, text: usize) -> Vec<u8> {
    let time_unix_nano = u64::from(day) * DAY + 1;
    let plain = LogRecord { time_unix_nano, ..LogRecord::default() };
    let mut log_records = vec![plain; records as usize];
    log_records[0].severity_text = "x".repeat(text);
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// A frame of exactly so many bytes.
fn frame(day: u8, bytes: usize, count: u32) -> Delivery {
    let sized = (0..bytes).rev().map(|text| request(day, count, text)).find(|body| body.len() <= bytes);
    let payload = sized.unwrap();
    assert_eq!(payload.len(), bytes, "no request has this size");
    delivery(payload, count)
}

fn delivery(payload: Vec<u8>, count: u32) -> Delivery {
    let header = Header::new(Encoding(ENCODING), count, 0);
    Delivery::Frame(Frame { offset: 5, header, payload: Bytes::from(payload) })
}

fn gauge() -> IntGauge {
    IntGauge::new("lake_buffer_bytes", "held").unwrap()
}

#[test]
fn writers_are_full_when_their_payload_together_is() {
    let budget = Budget::new(1 << 30, 64_000, gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!one.write(&frame(1, 60_000, 1)).full);
    assert!(!two.write(&frame(1, 3960, 1)).full);
    assert!(two.write(&frame(1, 40, 1)).full, "64,000 bytes together");
    two.stage();
    assert!(!two.write(&frame(1, 500, 1)).full, "what was staged no longer counts");
    drop(one);
    assert!(!two.write(&frame(1, 60_000, 1)).full);
    assert!(two.write(&frame(1, 3500, 1)).full, "nor what was dropped");
}

#[test]
fn somebody_with_little_payload_is_not_staged_for_the_others() {
    let budget = Budget::new(1 << 30, 64_000, gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(one.write(&frame(1, 64_000, 1)).full);
    assert!(!two.write(&frame(1, 960, 1)).full, "a small file would not help");
    assert!(two.write(&frame(1, 40, 1)).full, "a sixty-fourth of the size is enough for a file");
}

#[test]
fn memory_counts_until_the_range_is_committed() {
    let held = gauge();
    let budget = Budget::new(80_000, 1 << 30, held.clone());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!one.write(&frame(1, 40_000, 1)).full);
    let first = held.get();
    assert!((40_000..41_000).contains(&first), "{first}");
    let staged = one.stage();
    assert!(held.get() >= 40_000, "staged rows are still in memory: {}", held.get());
    assert!(two.write(&frame(1, 31_000, 1)).full, "seven eighths are held");
    drop(staged);
    assert!((31_000..32_000).contains(&held.get()), "{}", held.get());
    assert!(!two.write(&frame(1, 1000, 1)).full);
    drop(two);
    assert_eq!(held.get(), 0);
}

#[test]
fn a_range_has_at_most_64_days() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    for day in 0..63 {
        assert!(!writer.write(&frame(day, 40, 1)).full);
    }
    assert!(writer.write(&frame(63, 40, 1)).full);
}

#[test]
fn all_records_of_a_range_are_accounted_for() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    writer.write(&frame(1, 300, 10));
    let rejected = writer.write(&delivery(vec![0xff; 8], 3)).rejected;
    assert_eq!((rejected.len(), rejected[0].offset, rejected[0].index), (1, 5, None));
    assert!(rejected[0].reason.contains("at byte 0"), "{}", rejected[0].reason);
    // Two records in a message that somebody else wrote, and counted as one.
    let mut foreign = Header::new(Encoding::OPAQUE, 1, 0);
    foreign.customer = "theirs".to_owned();
    let payload = Bytes::from(request(1, 2, 0));
    writer.write(&Delivery::Frame(Frame { offset: 6, header: foreign, payload }));
    writer.write(&Delivery::Damaged { from: 7, to: 9, records: 4 });
    let Delivery::Frame(poison) = frame(1, 100, 2) else { unreachable!() };
    writer.skip(&poison);
    let staged = writer.stage();
    let staged = staged.downcast_ref::<StagedRows>().unwrap();
    let totals = staged.totals;
    assert_eq!((totals.read, totals.delivered, totals.dead_lettered, totals.damaged), (21, 12, 5, 4));
    let sum: u64 = totals.named()[1..].iter().map(|(_, n)| n).sum();
    assert_eq!(sum, totals.read);
}
