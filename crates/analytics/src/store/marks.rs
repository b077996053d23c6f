//! What the commits leave to be done: summaries to be written, events to be sent.

use logmill_rollup::{HourKey, Malformed};
use redb::{ReadableDatabase, ReadableTableMetadata};

use super::rows::{
    DIRTY, HEADS, Head, LATE, STATE, STATE_KEY, decode_number, hour_key, parse_hour_key, parse_late_key,
    unseal,
};
use super::{Store, StoreError, get, put, state};

/// An hour that has changed since its summary was written.
#[derive(Clone, Debug)]
pub(crate) struct Dirty {
    pub hour: HourKey,
    key: Vec<u8>,
    commit: u64,
}

/// A minute that late records changed.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Minutes since 1970.
    pub minute: u32,
    pub customer: String,
    /// Late records of one interval.
    pub records: u64,
    /// Of the window, with these records at least.
    pub revision: u64,
    key: Vec<u8>,
}

impl Event {
    /// Names the event among all that this file ever tells.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Store {
    /// Up to `limit` hours that have changed, from `after` on.
    pub(crate) fn dirty(&self, after: Option<&Dirty>, limit: usize) -> Result<Vec<Dirty>, StoreError> {
        let read = self.db.begin_read()?;
        let table = read.open_table(DIRTY)?;
        // The next possible key.
        let from = after.map(|dirty| [dirty.key.as_slice(), &[0]].concat()).unwrap_or_default();
        let mut found = Vec::new();
        for row in table.range(from.as_slice()..)?.take(limit) {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            let commit = decode_number(unseal(key, value)?)?;
            found.push(Dirty { hour: parse_hour_key(key)?, key: key.to_vec(), commit });
        }
        Ok(found)
    }

    /// Takes marks away, but for those of hours that have changed again.
    pub(crate) fn clean(&self, written: &[Dirty]) -> Result<(), StoreError> {
        if written.is_empty() {
            return Ok(());
        }
        let write = self.begin()?;
        {
            let mut table = write.open_table(DIRTY)?;
            for dirty in written {
                let key = dirty.key.as_slice();
                if get(&table, key, decode_number)? == Some(dirty.commit) {
                    table.remove(key)?;
                }
            }
        }
        Ok(write.commit()?)
    }

    /// Ends the interval in which late records are gathered, if there are some: what is told of it then no longer changes.
    pub(crate) fn end_interval(&self) -> Result<(), StoreError> {
        if self.db.begin_read()?.open_table(LATE)?.is_empty()? {
            return Ok(());
        }
        let write = self.begin()?;
        {
            let mut table = write.open_table(STATE)?;
            let mut state = state(&table)?;
            state.interval += 1;
            put(&mut table, STATE_KEY, &state.encode())?;
        }
        Ok(write.commit()?)
    }

    /// Up to `limit` events of the oldest interval that has ended. The same ones until they are told.
    pub(crate) fn events(&self, limit: usize) -> Result<Vec<Event>, StoreError> {
        let read = self.db.begin_read()?;
        let (late, heads) = (read.open_table(LATE)?, read.open_table(HEADS)?);
        let end = state(&read.open_table(STATE)?)?.interval.to_be_bytes();
        let mut events = Vec::new();
        let mut oldest = None;
        for row in late.range(..end.as_slice())?.take(limit) {
            let (key, value) = row?;
            let key = key.value();
            let records = decode_number(unseal(key, value.value())?)?;
            let (interval, HourKey { hour: minute, customer }) = parse_late_key(key)?;
            if interval != *oldest.get_or_insert(interval) {
                break;
            }
            let head = get(&heads, &hour_key(minute / 60, &customer), Head::decode)?;
            let head = head.ok_or(Malformed("a late window is missing"))?;
            let total = head.minutes.get(&((minute % 60) as u8)).copied().unwrap_or_default();
            let (customer, revision) = (customer.to_string(), 1 + total.late_batches);
            events.push(Event { minute, customer, records, revision, key: key.to_vec() });
        }
        Ok(events)
    }

    /// Takes away what events told of.
    pub(crate) fn told(&self, events: &[Event]) -> Result<(), StoreError> {
        let write = self.begin()?;
        {
            let mut table = write.open_table(LATE)?;
            for event in events {
                table.remove(event.key.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }
}
