use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use bytes::Bytes;
use logmill_queue::{Delivery, Encoding, Frame, Header, Writer};
use prometheus::IntGauge;

use super::{Budget, RowWriter, Rows, StagedRows};

/// A payload is a day and then bytes that take as much memory; `x` is none.
#[derive(Default)]
struct Plain(Vec<(i32, usize)>);

impl Rows for Plain {
    fn append(&mut self, frame: &Frame) -> Result<u64, String> {
        let day = i32::from(*frame.payload.first().ok_or("empty")?);
        if day == i32::from(b'x') {
            return Err("x is no day".to_owned());
        }
        self.0.push((day, frame.payload.len()));
        Ok(u64::from(frame.header.accepted()))
    }

    fn held(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes).sum()
    }

    fn days(&self) -> usize {
        self.0.len()
    }

    fn finish(&mut self) -> Vec<(i32, RecordBatch)> {
        let rows = |(day, bytes): (i32, usize)| {
            let column: ArrayRef = Arc::new(Int32Array::from(vec![day; bytes / 4]));
            (day, RecordBatch::try_from_iter([("day", column)]).unwrap())
        };
        self.0.drain(..).map(rows).collect()
    }
}

fn writer(budget: &Arc<Budget>) -> RowWriter {
    RowWriter::new(Box::<Plain>::default(), budget)
}

fn frame(day: u8, bytes: usize, count: u32) -> Delivery {
    let header = Header::new(Encoding(9), count, 0);
    Delivery::Frame(Frame { offset: 5, header, payload: Bytes::from(vec![day; bytes]) })
}

fn gauge() -> IntGauge {
    IntGauge::new("lake_buffer_bytes", "held").unwrap()
}

#[test]
fn writers_are_full_when_their_payload_together_is() {
    let budget = Budget::new(1 << 30, 6400, gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!one.write(&frame(1, 6000, 1)).full);
    assert!(!two.write(&frame(1, 399, 1)).full);
    assert!(two.write(&frame(1, 1, 1)).full, "6,400 bytes together");
    two.stage();
    assert!(!two.write(&frame(1, 50, 1)).full, "what was staged no longer counts");
    drop(one);
    assert!(!two.write(&frame(1, 6000, 1)).full);
    assert!(two.write(&frame(1, 350, 1)).full, "nor what was dropped");
}

#[test]
fn somebody_with_little_payload_is_not_staged_for_the_others() {
    let budget = Budget::new(1 << 30, 6400, gauge());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(one.write(&frame(1, 6400, 1)).full);
    assert!(!two.write(&frame(1, 99, 1)).full, "a small file would not help");
    assert!(two.write(&frame(1, 1, 1)).full, "a sixty-fourth of the size is enough for a file");
}

#[test]
fn memory_counts_until_the_range_is_committed() {
    let held = gauge();
    let budget = Budget::new(8000, 1 << 30, held.clone());
    let (mut one, mut two) = (writer(&budget), writer(&budget));
    assert!(!one.write(&frame(1, 4000, 1)).full);
    assert_eq!(held.get(), 4000);
    let staged = one.stage();
    assert!(held.get() >= 4000, "staged rows are still in memory: {}", held.get());
    assert!(two.write(&frame(1, 3100, 1)).full, "seven eighths are held");
    drop(staged);
    assert_eq!(held.get(), 3100);
    assert!(!two.write(&frame(1, 100, 1)).full);
    drop(two);
    assert_eq!(held.get(), 0);
}

#[test]
fn a_range_has_at_most_64_days() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    for day in 0..63 {
        assert!(!writer.write(&frame(day, 4, 1)).full);
    }
    assert!(writer.write(&frame(63, 4, 1)).full);
}

#[test]
fn all_records_of_a_range_are_accounted_for() {
    let mut writer = writer(&Budget::new(1 << 30, 1 << 30, gauge()));
    writer.write(&frame(1, 8, 10));
    let rejected = writer.write(&frame(b'x', 8, 3)).rejected;
    assert_eq!((rejected.len(), rejected[0].offset, rejected[0].index), (1, 5, None));
    assert_eq!(rejected[0].reason, "x is no day");
    writer.write(&Delivery::Damaged { from: 6, to: 8, records: 4 });
    let Delivery::Frame(poison) = frame(1, 8, 2) else { unreachable!() };
    writer.skip(&poison);
    let staged = writer.stage();
    let staged = staged.downcast_ref::<StagedRows>().unwrap();
    let totals = staged.totals;
    assert_eq!((totals.read, totals.delivered, totals.dead_lettered, totals.damaged), (19, 10, 5, 4));
    let sum: u64 = totals.named()[1..].iter().map(|(_, n)| n).sum();
    assert_eq!(sum, totals.read);
}
