//! The journal's own structures as bytes. Numbers are little-endian; reading never panics.

use std::collections::BTreeMap;

use logmill_queue::{LogId, Offset, Partition, Totals};

use crate::render::FileKey;

/// The way in which lines are rendered now. A change of the bytes of a line gets the next number.
pub(crate) const RENDERING: u8 = 1;

/// The bytes are no record of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where the output of a partition ends, and what became of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lane {
    pub next: Offset,
    pub totals: Totals,
}

/// Everything that is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub log: LogId,
    pub lanes: BTreeMap<Partition, Lane>,
}

/// A range whose lines are about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub partition: Partition,
    pub from: Offset,
    pub to: Offset,
    /// Frames in it that went to the dead letters as a whole.
    pub skipped: Vec<Offset>,
    pub totals: Totals,
}

/// One flush: ranges in the order of their lines, and where lines begin in files new since the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flush {
    pub ranges: Vec<Range>,
    pub bases: Vec<(FileKey, u64)>,
}

struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| Malformed)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn partition(&mut self) -> Result<Partition, Malformed> {
        self.array().map(u16::from_le_bytes).map(Partition)
    }

    fn totals(&mut self) -> Result<Totals, Malformed> {
        Ok(Totals {
            read: self.u64()?,
            delivered: self.u64()?,
            deduplicated: self.u64()?,
            dead_lettered: self.u64()?,
            rejected: self.u64()?,
            damaged: self.u64()?,
            expired: self.u64()?,
        })
    }

    fn file(&mut self) -> Result<FileKey, Malformed> {
        let hour = self.u32()?;
        let n = self.u8()?;
        let customer = std::str::from_utf8(self.bytes(n.into())?).map_err(|_| Malformed)?;
        Ok(FileKey { customer: customer.into(), hour })
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

fn put_totals(out: &mut Vec<u8>, totals: &Totals) {
    for (_, value) in totals.named() {
        out.extend(value.to_le_bytes());
    }
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![b'C'];
        out.extend(self.log.0);
        out.extend((self.lanes.len() as u32).to_le_bytes());
        for (partition, lane) in &self.lanes {
            out.extend(partition.0.to_le_bytes());
            out.extend(lane.next.to_le_bytes());
            put_totals(&mut out, &lane.totals);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut take = Take(bytes);
        if take.u8()? != b'C' {
            return Err(Malformed);
        }
        let log = LogId(take.array()?);
        let n = take.u32()?;
        let mut lane = || Ok((take.partition()?, Lane { next: take.u64()?, totals: take.totals()? }));
        let lanes = (0..n).map(|_| lane()).collect::<Result<_, _>>()?;
        take.end()?;
        Ok(Self { log, lanes })
    }
}

impl Flush {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![b'F', RENDERING];
        out.extend((self.ranges.len() as u32).to_le_bytes());
        for range in &self.ranges {
            out.extend(range.partition.0.to_le_bytes());
            out.extend(range.from.to_le_bytes());
            out.extend(range.to.to_le_bytes());
            out.extend((range.skipped.len() as u32).to_le_bytes());
            range.skipped.iter().for_each(|offset| out.extend(offset.to_le_bytes()));
            put_totals(&mut out, &range.totals);
        }
        out.extend((self.bases.len() as u32).to_le_bytes());
        for (file, base) in &self.bases {
            out.extend(file.hour.to_le_bytes());
            // A customer's name has at most 64 bytes.
            out.push(file.customer.len() as u8);
            out.extend(file.customer.as_bytes());
            out.extend(base.to_le_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut take = Take(bytes);
        if take.u8()? != b'F' || take.u8()? != RENDERING {
            return Err(Malformed);
        }
        let n = take.u32()?;
        let ranges = (0..n).map(|_| take_range(&mut take)).collect::<Result<_, _>>()?;
        let n = take.u32()?;
        let mut base = || Ok((take.file()?, take.u64()?));
        let bases = (0..n).map(|_| base()).collect::<Result<_, _>>()?;
        take.end()?;
        Ok(Self { ranges, bases })
    }
}

fn take_range(take: &mut Take<'_>) -> Result<Range, Malformed> {
    let (partition, from, to) = (take.partition()?, take.u64()?, take.u64()?);
    let n = take.u32()?;
    let skipped = (0..n).map(|_| take.u64()).collect::<Result<_, _>>()?;
    Ok(Range { partition, from, to, skipped, totals: take.totals()? })
}
