//! Sorted files become one sorted sequence of rows. CPU work only; whoever drives it brings row groups and takes files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave_record_batch;
use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::input::strange;
use crate::data_file::{Described, Encoder};
use crate::rows;

/// Rows that are gathered before they are encoded.
const GATHERED: usize = 8192;
/// Rows that all inputs hold decoded, together.
const DECODED: usize = 65_536;
/// Columns of the table by which it is sorted.
const TIMESTAMP: usize = 0;
const SERVICE_NAME: usize = 7;

/// What a merge needs or has.
pub(super) enum Step {
    /// The next row group of this input.
    Needs(usize),
    /// More bytes of the file that is being written.
    Bytes(Bytes),
    /// The file's last bytes.
    File(Bytes, Box<Described>),
    /// All rows are in a file.
    End,
}

/// By what rows are sorted: rows without a service come first, and of equal rows those of the first input.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    service: Option<Box<str>>,
    time: i64,
    input: usize,
}

/// An input and the rows of it that were decoded.
#[derive(Default)]
struct Lane {
    location: String,
    reader: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    row: usize,
    /// The place of `batch` among those from which rows are gathered.
    slot: Option<usize>,
}

/// A merge.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    heads: BinaryHeap<Reverse<Key>>,
    /// Inputs whose rows are used up, and of which more row groups may come.
    hungry: Vec<usize>,
    used: Vec<RecordBatch>,
    gathered: Vec<(usize, usize)>,
    encoder: Option<Encoder>,
    rows_per_file: usize,
    /// Rows of the file that is being written, those that were gathered included.
    rows: usize,
}

/// How many rows a reader should decode at a time.
pub(super) fn batch_size(inputs: usize) -> usize {
    (DECODED / inputs.max(1)).clamp(64, 4096)
}

impl Merge {
    /// Merges these files into files of so many rows.
    pub(super) fn new(locations: Vec<String>, rows_per_file: usize) -> Self {
        let lanes: Vec<Lane> =
            locations.into_iter().map(|location| Lane { location, ..Lane::default() }).collect();
        Self {
            hungry: (0..lanes.len()).rev().collect(),
            lanes,
            heads: BinaryHeap::new(),
            used: Vec::new(),
            gathered: Vec::with_capacity(GATHERED),
            encoder: None,
            rows_per_file: rows_per_file.max(1),
            rows: 0,
        }
    }

    /// The next row group of an input; none: it has no more.
    pub(super) fn feed(&mut self, input: usize, group: Option<ParquetRecordBatchReader>) {
        if let Some(lane) = self.lanes.get_mut(input) {
            lane.reader = group;
            if lane.reader.is_none() {
                self.hungry.retain(|hungry| *hungry != input);
            }
        }
    }

    /// Goes on until something is needed or there.
    ///
    /// # Errors
    /// A file cannot be read, or rows cannot be written.
    pub(super) fn step(&mut self) -> Result<Step, QueueError> {
        while let Some(input) = self.hungry.pop() {
            if !self.advance(input)? {
                self.hungry.push(input);
                return Ok(Step::Needs(input));
            }
        }
        while let Some(Reverse(head)) = self.heads.pop() {
            self.gather(&head);
            let is_full = self.rows >= self.rows_per_file;
            if is_full || self.gathered.len() >= GATHERED {
                self.encode()?;
            }
            let input = head.input;
            if !self.advance(input)? {
                self.hungry.push(input);
            }
            if is_full {
                return self.close();
            }
            if let Some(bytes) = self.encoder.as_mut().map(Encoder::take).filter(|bytes| !bytes.is_empty()) {
                return Ok(Step::Bytes(bytes));
            }
            if let Some(input) = self.hungry.last() {
                return Ok(Step::Needs(*input));
            }
        }
        self.encode()?;
        self.close()
    }

    /// Brings the head of an input among the others; `false` if it has no more rows for now.
    fn advance(&mut self, input: usize) -> Result<bool, QueueError> {
        let Some(lane) = self.lanes.get_mut(input) else { return Ok(true) };
        let Some((service, time)) = lane.head()? else { return Ok(false) };
        let service = service.map(Box::from);
        self.heads.push(Reverse(Key { service, time, input }));
        Ok(true)
    }

    /// Takes rows of the first input as long as they come before those of the others.
    fn gather(&mut self, head: &Key) {
        let Some(lane) = self.lanes.get_mut(head.input) else { return };
        let Some(batch) = &lane.batch else { return };
        let slot = *lane.slot.get_or_insert_with(|| {
            self.used.push(batch.clone());
            self.used.len() - 1
        });
        let other = self.heads.peek().map(|Reverse(key)| (key.service.as_deref(), key.time, key.input));
        let (services, times) = (batch.column(SERVICE_NAME), batch.column(TIMESTAMP));
        let services = services.as_string_opt::<i32>();
        let times = times.as_primitive_opt::<TimestampMicrosecondType>();
        let (Some(services), Some(times)) = (services, times) else { return };
        loop {
            self.gathered.push((slot, lane.row));
            self.rows += 1;
            lane.row += 1;
            let is_over = lane.row >= batch.num_rows()
                || self.gathered.len() >= GATHERED
                || self.rows >= self.rows_per_file;
            if is_over {
                return;
            }
            let service = services.is_valid(lane.row).then(|| services.value(lane.row));
            let key = (service, times.value(lane.row), head.input);
            if other.is_some_and(|other| other < key) {
                return;
            }
        }
    }

    /// Encodes what was gathered.
    fn encode(&mut self) -> Result<(), QueueError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let used: Vec<&RecordBatch> = self.used.iter().collect();
        let batch = interleave_record_batch(&used, &self.gathered).map_err(unmerged)?;
        self.gathered.clear();
        self.used.clear();
        self.lanes.iter_mut().for_each(|lane| lane.slot = None);
        if self.encoder.is_none() {
            self.encoder = Some(Encoder::new(rows::schema(), self.rows_per_file)?);
        }
        self.encoder.as_mut().map_or(Ok(()), |encoder| encoder.write(&batch))
    }

    fn close(&mut self) -> Result<Step, QueueError> {
        let Some(encoder) = self.encoder.take() else { return Ok(Step::End) };
        self.rows = 0;
        let (bytes, described) = encoder.close()?;
        Ok(Step::File(bytes, Box::new(described)))
    }
}

impl Lane {
    /// What its next row is sorted by.
    fn head(&mut self) -> Result<Option<(Option<&str>, i64)>, QueueError> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            let Some(next) = self.reader.as_mut().and_then(Iterator::next) else {
                self.batch = None;
                return Ok(None);
            };
            self.batch = Some(next.map_err(|error| strange(&self.location, error))?);
            (self.row, self.slot) = (0, None);
        }
        let Some(batch) = &self.batch else { return Ok(None) };
        let services = batch.column(SERVICE_NAME).as_string_opt::<i32>();
        let times = batch.column(TIMESTAMP).as_primitive_opt::<TimestampMicrosecondType>();
        let (Some(services), Some(times)) = (services, times) else {
            return Err(unmerged(ArrowError::SchemaError("columns of another type".to_owned())));
        };
        let service = services.is_valid(self.row).then(|| services.value(self.row));
        Ok(Some((service, times.value(self.row))))
    }
}

fn unmerged(error: ArrowError) -> QueueError {
    QueueError::caused(Class::Bug, "rows of several files cannot be merged", error)
}
