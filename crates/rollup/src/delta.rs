//! What a range of one partition adds.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use crate::agents::Agents;
use crate::chunk::{Kind, Packer};
use crate::families::{Agent, FamilyCache, FamilyId};
use crate::postings::Postings;

/// Memory of a key beside its own bytes, about: the place in a map, an allocation, its counts.
const KEY_BYTES: usize = 96;
/// Memory of an hour beside its keys, about.
const HOUR_BYTES: usize = 1024;

/// One hour of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HourKey {
    /// Hours since 1970, UTC.
    pub hour: u32,
    /// Whose records.
    pub customer: Arc<str>,
}

/// What came for a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Records.
    pub records: u64,
    /// Those of them that were late.
    pub late_records: u64,
    /// Batches with a record for the minute.
    pub batches: u64,
    /// Those of them whose records were late.
    pub late_batches: u64,
}

impl Came {
    /// Adds what came otherwise.
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.late_records += more.late_records;
        self.batches += more.batches;
        self.late_batches += more.late_batches;
    }
}

/// What came for an hour, packed.
#[derive(Clone, Debug, Default)]
pub struct HourAdded {
    /// By minute, 0 to 59.
    pub minutes: BTreeMap<u8, Came>,
    /// The counts, as a run.
    pub run: Vec<Vec<u8>>,
}

/// What a range adds, by hour and customer.
pub type Delta = BTreeMap<HourKey, HourAdded>;

/// Counts that are still added to.
#[derive(Default)]
pub(crate) struct Counts {
    hours: Vec<Hour>,
    places: HashMap<HourKey, usize>,
    pub bytes: usize,
}

#[derive(Default)]
struct Hour {
    /// In the order in which they came up; most records follow one of the same minute.
    minutes: Vec<Minute>,
    last: usize,
    agents: Agents,
    families: HashMap<FamilyId, Postings>,
    paths: HashMap<Box<[u8]>, Postings>,
}

struct Minute {
    minute: u8,
    came: Came,
    /// The last batch that had a record for it.
    batch: u64,
}

/// A record, as far as it is counted.
pub(crate) struct Counted<'a> {
    pub minute: u8,
    pub is_late: bool,
    /// Grows with each batch, so that a batch is counted once a minute.
    pub batch: u64,
    pub path: &'a [u8],
    pub agent: Agent,
}

impl Counts {
    /// The place of an hour, for [`Counts::add`].
    pub(crate) fn place(&mut self, customer: &Arc<str>, hour: u32) -> usize {
        let key = HourKey { hour, customer: customer.clone() };
        let (hours, bytes) = (&mut self.hours, &mut self.bytes);
        *self.places.entry(key).or_insert_with(|| {
            *bytes += HOUR_BYTES;
            hours.push(Hour::default());
            hours.len() - 1
        })
    }

    #[inline]
    pub(crate) fn add(&mut self, place: usize, record: &Counted<'_>) {
        let Some(hour) = self.hours.get_mut(place) else { return };
        hour.came(record);
        let before = hour.agents.memory();
        hour.agents.insert(record.agent.hash);
        // Many of them take less than a few less did.
        self.bytes = (self.bytes + hour.agents.memory()).saturating_sub(before);
        if count(&mut hour.paths, record.path, record.minute, |path| path.into()) {
            self.bytes += record.path.len() + KEY_BYTES;
        }
        if count(&mut hour.families, &record.agent.family, record.minute, |family| *family) {
            self.bytes += KEY_BYTES;
        }
    }

    /// Gives all away, packed.
    pub(crate) fn pack(&mut self, families: &FamilyCache) -> Delta {
        let counts = std::mem::take(self);
        let mut hours: Vec<Option<Hour>> = counts.hours.into_iter().map(Some).collect();
        let packed = counts.places.into_iter().filter_map(|(key, place)| {
            let hour = hours.get_mut(place)?.take()?;
            Some((key, hour.pack(families)))
        });
        packed.collect()
    }
}

/// Counts one record of a key; answers whether it is a new one.
#[inline]
fn count<K, Q>(map: &mut HashMap<K, Postings>, key: &Q, minute: u8, own: impl FnOnce(&Q) -> K) -> bool
where
    K: Hash + Eq,
    Q: Hash + Equivalent<K> + ?Sized,
{
    if let Some(postings) = map.get_mut(key) {
        postings.add(minute);
        return false;
    }
    map.insert(own(key), Postings::one(minute));
    true
}

impl Hour {
    #[inline]
    fn came(&mut self, record: &Counted<'_>) {
        if self.minutes.get(self.last).is_none_or(|last| last.minute != record.minute) {
            self.last = self.find(record.minute);
        }
        let Some(Minute { came, batch, .. }) = self.minutes.get_mut(self.last) else { return };
        came.records += 1;
        came.late_records += u64::from(record.is_late);
        if *batch != record.batch {
            *batch = record.batch;
            came.batches += 1;
            came.late_batches += u64::from(record.is_late);
        }
    }

    fn find(&mut self, minute: u8) -> usize {
        let found = self.minutes.iter().position(|known| known.minute == minute);
        found.unwrap_or_else(|| {
            self.minutes.push(Minute { minute, came: Came::default(), batch: 0 });
            self.minutes.len() - 1
        })
    }

    fn pack(self, families: &FamilyCache) -> HourAdded {
        let mut packer = Packer::default();
        let mut run: Vec<Vec<u8>> = packer.agents(&self.agents).into_iter().collect();
        let mut sorted = Vec::new();
        let mut by_name: Vec<_> =
            self.families.iter().map(|(id, postings)| (families.name(*id), postings)).collect();
        by_name.sort_unstable_by_key(|(name, _)| *name);
        for (name, postings) in by_name {
            postings.sorted(&mut sorted);
            run.extend(packer.counts(Kind::Family, name.as_bytes(), &sorted));
        }
        let mut paths: Vec<_> = self.paths.iter().collect();
        paths.sort_unstable_by_key(|(path, _)| *path);
        for (path, postings) in paths {
            postings.sorted(&mut sorted);
            run.extend(packer.counts(Kind::Path, path, &sorted));
        }
        run.extend(packer.finish());
        let minutes = self.minutes.into_iter().map(|minute| (minute.minute, minute.came)).collect();
        HourAdded { minutes, run }
    }
}
