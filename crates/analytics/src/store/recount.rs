//! Hours that are counted anew: first beside the counts, then in their place, if they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use blake3::Hasher;
use logmill_rollup::{Delta, HourAdded, HourKey, Sum, walk};
use redb::ReadableTable;

use super::hour::{self, Source, fetch};
use super::rows::{
    CHUNKS, DIRTY, HEADS, Head, NEW_CHUNKS, NEW_HEADS, Run, STATE, STATE_KEY, chunk_key, encode_number,
    hour_key, parse_hour_key, seal, unseal,
};
use super::{Store, StoreError, Table, get, put, state};

/// What became of the hours that were counted anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recounted {
    /// Hours of customers that were compared.
    pub hours: u64,
    /// Those of them whose counts were replaced.
    pub replaced: u64,
    /// Those that would hold fewer records: nothing at all was replaced if there are some and they are not allowed.
    pub fewer: Vec<HourKey>,
}

/// What an hour holds, so that two can be compared whatever their runs.
#[derive(PartialEq, Eq, Default)]
struct Print {
    minutes: BTreeMap<u8, [u8; 32]>,
    agents: Vec<u8>,
}

impl Store {
    /// Forgets what was counted anew before.
    pub(crate) fn recount_begin(&self) -> Result<(), StoreError> {
        let write = self.begin()?;
        write.delete_table(NEW_HEADS)?;
        write.delete_table(NEW_CHUNKS)?;
        write.open_table(NEW_HEADS)?;
        write.open_table(NEW_CHUNKS)?;
        Ok(write.commit()?)
    }

    /// Adds to what is counted anew, as far as it is of these hours.
    pub(crate) fn recount_add(&self, hours: &Range<u32>, delta: &Delta) -> Result<(), StoreError> {
        let write = self.begin()?;
        {
            let (mut heads, mut chunks) = (write.open_table(NEW_HEADS)?, write.open_table(NEW_CHUNKS)?);
            for (key, added) in delta.iter().filter(|(key, _)| hours.contains(&key.hour)) {
                add(&mut heads, &mut chunks, key, added)?;
            }
        }
        Ok(write.commit()?)
    }

    /// Puts what was counted anew in the place of what there is, where they differ: all of it in one transaction, or nothing if an
    /// hour would hold fewer records and `fewer` does not allow that.
    pub(crate) fn recount_end(&self, hours: &Range<u32>, fewer: bool) -> Result<Recounted, StoreError> {
        let write = self.begin()?;
        let (report, commit) = {
            let mut swap = Swap {
                heads: write.open_table(HEADS)?,
                chunks: write.open_table(CHUNKS)?,
                new_heads: write.open_table(NEW_HEADS)?,
                new_chunks: write.open_table(NEW_CHUNKS)?,
                dirty: write.open_table(DIRTY)?,
            };
            let mut table = write.open_table(STATE)?;
            let mut state = state(&table)?;
            state.commit += 1;
            let report = swap.all(hours, state.commit)?;
            put(&mut table, STATE_KEY, &state.encode())?;
            let commit = report.replaced > 0 && (fewer || report.fewer.is_empty());
            (report, commit)
        };
        let replaced = if commit { report.replaced } else { 0 };
        if commit {
            write.commit()?;
        } else {
            write.abort()?;
        }
        self.recount_begin()?;
        Ok(Recounted { replaced, ..report })
    }
}

fn add(
    heads: &mut Table<'_>,
    chunks: &mut Table<'_>,
    key: &HourKey,
    added: &HourAdded,
) -> Result<(), StoreError> {
    let row = hour_key(key.hour, &key.customer);
    let mut head = get(heads, &row, Head::decode)?.unwrap_or_default();
    for (minute, came) in &added.minutes {
        head.minutes.entry(*minute).or_default().records += came.records;
    }
    hour::add(chunks, &row, &mut head, &[&added.run])?;
    put(heads, &row, &head.encode())
}

struct Swap<'t> {
    heads: Table<'t>,
    chunks: Table<'t>,
    new_heads: Table<'t>,
    new_chunks: Table<'t>,
    dirty: Table<'t>,
}

impl Swap<'_> {
    fn all(&mut self, hours: &Range<u32>, commit: u64) -> Result<Recounted, StoreError> {
        let mut report = Recounted::default();
        for row in self.rows(hours)? {
            report.hours += 1;
            let old = get(&self.heads, &row, Head::decode)?.unwrap_or_default();
            let new = get(&self.new_heads, &row, Head::decode)?.unwrap_or_default();
            let before = print(&self.chunks, &row, &old)?;
            let now = print(&self.new_chunks, &row, &new)?;
            if before == now {
                continue;
            }
            report.replaced += 1;
            if has_fewer(&old, &new) {
                report.fewer.push(parse_hour_key(&row)?);
            }
            let head = self.replace(&row, &old, &new, &changed(&before, &now))?;
            put(&mut self.heads, &row, &head.encode())?;
            put(&mut self.dirty, &row, &encode_number(commit))?;
        }
        Ok(report)
    }

    /// The keys of all hours that are in either table.
    fn rows(&self, hours: &Range<u32>) -> Result<BTreeSet<Vec<u8>>, StoreError> {
        let (from, to) = (hours.start.to_be_bytes(), hours.end.to_be_bytes());
        let mut rows = BTreeSet::new();
        for table in [&self.heads, &self.new_heads] {
            for row in table.range(from.as_slice()..to.as_slice())? {
                rows.insert(row?.0.value().to_vec());
            }
        }
        Ok(rows)
    }

    /// Moves the new runs into the place of the old ones; answers the head.
    fn replace(
        &mut self,
        row: &[u8],
        old: &Head,
        new: &Head,
        changed: &BTreeSet<u8>,
    ) -> Result<Head, StoreError> {
        for run in &old.runs {
            for at in 0..run.chunks {
                self.chunks.remove(chunk_key(row, run.number, at).as_slice())?;
            }
        }
        let mut head = Head { minutes: new.minutes.clone(), runs: Vec::new(), next_run: old.next_run };
        for run in &new.runs {
            let number = head.next_run;
            head.next_run = number.wrapping_add(1);
            for at in 0..run.chunks {
                self.move_chunk(&chunk_key(row, run.number, at), &chunk_key(row, number, at))?;
            }
            head.runs.push(Run { number, ..*run });
        }
        for (minute, total) in &mut head.minutes {
            let before = old.minutes.get(minute).map_or(0, |old| old.late_batches);
            total.late_batches = before + u64::from(changed.contains(minute));
        }
        Ok(head)
    }

    fn move_chunk(&mut self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let missing = || StoreError::Damaged("a part of a run is missing".to_owned());
        let sealed = fetch(&self.new_chunks, from)?.ok_or_else(missing)?;
        self.chunks.insert(to, seal(to, unseal(from, &sealed)?).as_slice())?;
        Ok(())
    }
}

fn has_fewer(old: &Head, new: &Head) -> bool {
    let records = |minute| new.minutes.get(minute).map_or(0, |total| total.records);
    old.minutes.iter().any(|(minute, total)| records(minute) < total.records)
}

/// Minutes whose counts differ; the first of all if only the user agents do.
fn changed(before: &Print, now: &Print) -> BTreeSet<u8> {
    let differs = |minute: &&u8| before.minutes.get(*minute) != now.minutes.get(*minute);
    let changed: BTreeSet<u8> = now.minutes.keys().filter(differs).copied().collect();
    if changed.is_empty() { now.minutes.keys().take(1).copied().collect() } else { changed }
}

fn print(
    chunks: &impl ReadableTable<&'static [u8], &'static [u8]>,
    row: &[u8],
    head: &Head,
) -> Result<Print, StoreError> {
    let read = |key: &[u8]| fetch(chunks, key);
    let sources = head.runs.iter().map(|run| Source::stored(&read, row, *run)).collect();
    let mut minutes: BTreeMap<u8, Hasher> = BTreeMap::new();
    let mut print = Print::default();
    walk(sources, |sum| {
        match sum {
            Sum::Agents(agents) => agents.encode(&mut print.agents),
            Sum::Counts(kind, key, counts) => {
                for (minute, count) in *counts {
                    let hasher = minutes.entry(*minute).or_default();
                    hasher.update(&[*kind as u8]).update(&(key.len() as u64).to_le_bytes());
                    hasher.update(key).update(&count.to_le_bytes());
                }
            }
        }
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    print.minutes =
        minutes.into_iter().map(|(minute, hasher)| (minute, *hasher.finalize().as_bytes())).collect();
    Ok(print)
}
