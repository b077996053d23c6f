//! One transaction for what ranges add, and for where partitions then stand.

use std::collections::{BTreeMap, BTreeSet};

use logmill_queue::{LogId, Offset, Partition, Totals};
use logmill_rollup::{Came, Delta, HourAdded, HourKey, Micros, end_of_minute};
use redb::WriteTransaction;

use super::rows::{
    CHUNKS, DIRTY, HEADS, Head, LANES, LATE, Lane, STATE, STATE_KEY, State, decode_number, encode_number,
    hour_key, late_key,
};
use super::{Store, StoreError, Table, get, hour, lanes, put, state};
use crate::ends::Bounds;

/// A range `[from, to)` of one partition.
pub(crate) struct Range<'a> {
    pub partition: Partition,
    pub from: Offset,
    pub to: Offset,
    pub delta: &'a Delta,
    /// The highest time behind the range.
    pub highest: Option<Micros>,
    pub totals: &'a Totals,
}

/// What the ranges were read from.
pub(crate) struct Source {
    pub log: LogId,
    pub allowed_lateness: Micros,
    /// All partitions.
    pub bounds: Bounds,
    /// Partitions that are read to the end, though their positions are not there.
    pub still: BTreeSet<Partition>,
}

/// What became of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its counts are in the store, since now or since before.
    Counted,
    /// The partition stands elsewhere.
    Elsewhere(Offset),
}

struct Tables<'t> {
    heads: Table<'t>,
    chunks: Table<'t>,
    lanes: Table<'t>,
    state: Table<'t>,
    dirty: Table<'t>,
    late: Table<'t>,
}

impl<'t> Tables<'t> {
    fn open(write: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            heads: write.open_table(HEADS)?,
            chunks: write.open_table(CHUNKS)?,
            lanes: write.open_table(LANES)?,
            state: write.open_table(STATE)?,
            dirty: write.open_table(DIRTY)?,
            late: write.open_table(LATE)?,
        })
    }
}

impl Store {
    /// Adds what ranges add, each once, and moves their partitions and the frontier. All of it or nothing.
    pub(crate) fn commit(&self, source: &Source, ranges: &[Range<'_>]) -> Result<Vec<Verdict>, StoreError> {
        let write = self.begin()?;
        let (verdicts, changed) = {
            let mut tables = Tables::open(&write)?;
            let mut lanes = lanes(&tables.lanes)?;
            let verdicts: Vec<_> = ranges.iter().map(|range| judge(&mut lanes, source.log, range)).collect();
            let news: Vec<_> = verdicts
                .iter()
                .zip(ranges)
                .filter_map(|(verdict, range)| verdict.1.then_some(range))
                .collect();
            if !news.is_empty() {
                tables.add(source, &news, &lanes)?;
            }
            (verdicts, !news.is_empty())
        };
        if changed {
            write.commit()?;
        }
        Ok(verdicts.into_iter().map(|(verdict, _)| verdict).collect())
    }
}

/// Whether a range continues its partition, which then stands at its end. `true` if its counts are still to be added.
fn judge(lanes: &mut BTreeMap<Partition, Lane>, log: LogId, range: &Range<'_>) -> (Verdict, bool) {
    // One that is not known began elsewhere, or its counts are lost: it has to be opened first.
    let Some(lane) = lanes.get_mut(&range.partition) else { return (Verdict::Elsewhere(0), false) };
    if lane.log != log {
        return (Verdict::Elsewhere(lane.next), false);
    }
    if lane.next >= range.to {
        return (Verdict::Counted, false);
    }
    if lane.next != range.from {
        return (Verdict::Elsewhere(lane.next), false);
    }
    lane.next = range.to;
    lane.highest = lane.highest.max(range.highest);
    lane.totals.add(range.totals);
    (Verdict::Counted, true)
}

/// What came for an hour in all ranges.
#[derive(Default)]
struct Added<'a> {
    minutes: BTreeMap<u8, Came>,
    runs: Vec<&'a [Vec<u8>]>,
}

impl<'a> Added<'a> {
    fn add(&mut self, more: &'a HourAdded) {
        for (minute, came) in &more.minutes {
            self.minutes.entry(*minute).or_default().add(came);
        }
        self.runs.push(&more.run);
    }
}

impl Tables<'_> {
    fn add(
        &mut self,
        source: &Source,
        ranges: &[&Range<'_>],
        lanes: &BTreeMap<Partition, Lane>,
    ) -> Result<(), StoreError> {
        let mut state = state(&self.state)?;
        state.commit += 1;
        let mut hours: BTreeMap<&HourKey, Added<'_>> = BTreeMap::new();
        for (key, added) in ranges.iter().flat_map(|range| range.delta) {
            hours.entry(key).or_default().add(added);
        }
        for (key, added) in &hours {
            self.add_hour(&mut state, key, added)?;
        }
        for range in ranges {
            if let Some(lane) = lanes.get(&range.partition) {
                put(&mut self.lanes, &Lane::key(range.partition), &lane.encode())?;
            }
        }
        state.frontier = state.frontier.max(frontier(source, lanes));
        put(&mut self.state, STATE_KEY, &state.encode())
    }

    fn add_hour(&mut self, state: &mut State, key: &HourKey, added: &Added<'_>) -> Result<(), StoreError> {
        let row = hour_key(key.hour, &key.customer);
        let mut head = get(&self.heads, &row, Head::decode)?.unwrap_or_default();
        for (&minute, came) in &added.minutes {
            let number = key.hour * 60 + u32::from(minute);
            let is_final = state.frontier.is_some_and(|frontier| end_of_minute(number) <= frontier);
            let (late_records, late_batches) =
                if is_final { (came.records, came.batches) } else { (came.late_records, came.late_batches) };
            let total = head.minutes.entry(minute).or_default();
            total.records += came.records;
            total.late_batches += late_batches;
            if late_records > 0 {
                state.late_records += late_records;
                self.tell_late(state.interval, number, &key.customer, late_records)?;
            }
        }
        hour::add(&mut self.chunks, &row, &mut head, &added.runs)?;
        put(&mut self.heads, &row, &head.encode())?;
        put(&mut self.dirty, &row, &encode_number(state.commit))
    }

    fn tell_late(
        &mut self,
        interval: u64,
        minute: u32,
        customer: &str,
        records: u64,
    ) -> Result<(), StoreError> {
        let key = late_key(interval, minute, customer);
        let before = get(&self.late, &key, decode_number)?.unwrap_or(0);
        put(&mut self.late, &key, &encode_number(before + records))
    }
}

/// Up to where windows are final: the lowest watermark of the partitions that are not read to their ends, or the highest of
/// all if all are. None while nothing can be said.
fn frontier(source: &Source, lanes: &BTreeMap<Partition, Lane>) -> Option<Micros> {
    let watermark = |lane: &Lane| lane.highest.map(|highest| highest.saturating_sub(source.allowed_lateness));
    let mut unread = Vec::new();
    for (partition, (oldest, end)) in &source.bounds {
        let lane = lanes.get(partition);
        if lane.map_or(*oldest, |lane| lane.next) < *end && !source.still.contains(partition) {
            unread.push(lane.and_then(watermark));
        }
    }
    if unread.is_empty() {
        return lanes.values().filter_map(watermark).max();
    }
    unread.into_iter().min().flatten()
}
