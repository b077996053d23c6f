//! Keys and values of the tables.
//!
//! Numbers in keys are big-endian, so that they sort; values begin with the CRC32C of key and rest, since redb checks nothing
//! that it reads. Numbers in values are varints (LEB128).

use std::collections::BTreeMap;

use logmill_queue::{LogId, Offset, Partition, Totals};
use logmill_rollup::codec::{Take, put_varint};
use logmill_rollup::{HourKey, Malformed, Micros};
use redb::TableDefinition;

use super::StoreError;

pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub(super) const HEADS: Definition = TableDefinition::new("heads");
pub(super) const CHUNKS: Definition = TableDefinition::new("chunks");
pub(super) const LANES: Definition = TableDefinition::new("partitions");
pub(super) const STATE: Definition = TableDefinition::new("state");
pub(super) const DIRTY: Definition = TableDefinition::new("dirty");
pub(super) const LATE: Definition = TableDefinition::new("late");
/// As [`HEADS`] and [`CHUNKS`], while hours are counted anew.
pub(super) const NEW_HEADS: Definition = TableDefinition::new("new_heads");
pub(super) const NEW_CHUNKS: Definition = TableDefinition::new("new_chunks");

/// The only key of [`STATE`].
pub(super) const STATE_KEY: &[u8] = b"state";
/// The form of the rows. Another one is counted anew.
const FORMAT: u64 = 1;

/// A value as it is stored below `key`.
pub(super) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(4 + value.len());
    sealed.extend_from_slice(&checksum(key, value).to_le_bytes());
    sealed.extend_from_slice(value);
    sealed
}

/// The value that was sealed for `key`.
pub(super) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let (crc, value) = sealed.split_first_chunk::<4>().ok_or(Malformed("a row is too short"))?;
    if u32::from_le_bytes(*crc) != checksum(key, value) {
        return Err(StoreError::Damaged("a row has another checksum than when it was written".to_owned()));
    }
    Ok(value)
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}

/// The key of an hour in [`HEADS`] and [`DIRTY`].
pub(super) fn hour_key(hour: u32, customer: &str) -> Vec<u8> {
    [&hour.to_be_bytes(), customer.as_bytes()].concat()
}

/// What [`hour_key`] was made of.
pub(super) fn parse_hour_key(key: &[u8]) -> Result<HourKey, StoreError> {
    let (hour, customer) = key.split_first_chunk::<4>().ok_or(Malformed("a key is too short"))?;
    let customer = std::str::from_utf8(customer).map_err(|_| Malformed("a customer is no text"))?;
    Ok(HourKey { hour: u32::from_be_bytes(*hour), customer: customer.into() })
}

/// The key of a chunk. No customer's name has a zero byte.
pub(super) fn chunk_key(hour_key: &[u8], run: u32, chunk: u32) -> Vec<u8> {
    [hour_key, &[0], &run.to_be_bytes(), &chunk.to_be_bytes()].concat()
}

/// What an hour of a customer consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// By minute, 0 to 59.
    pub minutes: BTreeMap<u8, MinuteTotal>,
    /// Oldest and largest first.
    pub runs: Vec<Run>,
    /// The number of the next run.
    pub next_run: u32,
}

/// A minute that holds at least one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MinuteTotal {
    pub records: u64,
    pub late_batches: u64,
}

/// Where a run lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub number: u32,
    pub chunks: u32,
    pub bytes: u64,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put_varint(&mut out, self.minutes.len() as u64);
        for (minute, total) in &self.minutes {
            out.push(*minute);
            put_varint(&mut out, total.records);
            put_varint(&mut out, total.late_batches);
        }
        put_varint(&mut out, self.next_run.into());
        for run in &self.runs {
            put_varint(&mut out, run.number.into());
            put_varint(&mut out, run.chunks.into());
            put_varint(&mut out, run.bytes);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take(bytes);
        let mut head = Self::default();
        for _ in 0..take.varint()? {
            let minute = take.byte()?;
            let total = MinuteTotal { records: take.varint()?, late_batches: take.varint()? };
            head.minutes.insert(minute, total);
        }
        head.next_run = take.number()?;
        while !take.is_empty() {
            head.runs.push(Run { number: take.number()?, chunks: take.number()?, bytes: take.varint()? });
        }
        Ok(head)
    }
}

/// Where the counts of a partition stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    pub log: LogId,
    /// The next offset to be counted.
    pub next: Offset,
    /// The highest of min(timestamp, `received_at`).
    pub highest: Option<Micros>,
    /// Until this offset is reached the counts are those of a part of the log: they are made anew.
    pub anew_until: Offset,
    pub totals: Totals,
}

impl Lane {
    pub(crate) fn new(log: LogId, next: Offset) -> Self {
        Self { log, next, highest: None, anew_until: 0, totals: Totals::default() }
    }

    pub(super) fn key(partition: Partition) -> [u8; 2] {
        partition.0.to_be_bytes()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.log.0.to_vec();
        put_varint(&mut out, self.next);
        put_time(&mut out, self.highest);
        put_varint(&mut out, self.anew_until);
        for (_, figure) in self.totals.named() {
            put_varint(&mut out, figure);
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take(bytes);
        let log = take.bytes(16)?.try_into().map_err(|_| Malformed("a log's id is too short"))?;
        let mut lane = Self::new(LogId(log), take.varint()?);
        lane.highest = take_time(&mut take)?;
        lane.anew_until = take.varint()?;
        lane.totals = Totals {
            read: take.varint()?,
            delivered: take.varint()?,
            deduplicated: take.varint()?,
            dead_lettered: take.varint()?,
            rejected: take.varint()?,
            damaged: take.varint()?,
            expired: take.varint()?,
        };
        Ok(lane)
    }
}

/// What there is once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Windows that end at or before it are final.
    pub frontier: Option<Micros>,
    /// Grows with each commit that counts something.
    pub commit: u64,
    /// Late records, ever.
    pub late_records: u64,
    /// Late records of which no event tells yet are gathered under this number. Those under smaller ones no longer change.
    pub interval: u64,
    /// Of this file, at random: events of another one are others, whatever their numbers.
    pub id: [u8; 16],
}

impl State {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, FORMAT);
        put_time(&mut out, self.frontier);
        put_varint(&mut out, self.commit);
        put_varint(&mut out, self.late_records);
        put_varint(&mut out, self.interval);
        out.extend_from_slice(&self.id);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take(bytes);
        let format = take.varint()?;
        if format != FORMAT {
            return Err(StoreError::Damaged(format!("they have form {format}, this logmill knows {FORMAT}")));
        }
        Ok(Self {
            frontier: take_time(&mut take)?,
            commit: take.varint()?,
            late_records: take.varint()?,
            interval: take.varint()?,
            id: take.bytes(16)?.try_into().map_err(|_| Malformed("an id is too short"))?,
        })
    }
}

/// The key of late records in [`LATE`]: interval, minute since 1970, customer.
pub(super) fn late_key(interval: u64, minute: u32, customer: &str) -> Vec<u8> {
    [interval.to_be_bytes().as_slice(), &hour_key(minute, customer)].concat()
}

/// What [`late_key`] was made of: interval, minute, customer.
pub(super) fn parse_late_key(key: &[u8]) -> Result<(u64, HourKey), StoreError> {
    let (interval, rest) = key.split_first_chunk::<8>().ok_or(Malformed("a key is too short"))?;
    Ok((u64::from_be_bytes(*interval), parse_hour_key(rest)?))
}

/// A number as a row's value.
pub(super) fn encode_number(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, number);
    out
}

/// What [`encode_number`] wrote.
pub(super) fn decode_number(bytes: &[u8]) -> Result<u64, StoreError> {
    Ok(Take(bytes).varint()?)
}

/// Times are after 1970; 0 is none.
fn put_time(out: &mut Vec<u8>, time: Option<Micros>) {
    put_varint(out, time.map_or(0, |time| time.max(0).unsigned_abs() + 1));
}

fn take_time(take: &mut Take<'_>) -> Result<Option<Micros>, Malformed> {
    let time = take.varint()?;
    let micros = time.checked_sub(1).map(Micros::try_from).transpose();
    micros.map_err(|_| Malformed("a time is too large"))
}
