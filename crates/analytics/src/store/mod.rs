//! The file that holds the counts. README.md says what is in its tables.

mod answer;
mod backend;
mod commit;
mod error;
mod hour;
mod marks;
mod recount;
mod rows;
#[cfg(test)]
mod tests;
mod top;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
use std::path::Path;

use logmill_queue::Partition;
use logmill_world::{Fs, Mode, World};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, WriteTransaction};

use backend::Backend;
pub(crate) use commit::{Range, Source, Verdict};
pub(crate) use error::StoreError;
pub(crate) use marks::{Dirty, Event};
pub use recount::Recounted;
use rows::{CHUNKS, DIRTY, HEADS, LANES, LATE, STATE, STATE_KEY, unseal};
pub(crate) use rows::{Lane, State};

/// What the library may keep of the file in memory.
const CACHE: usize = 64 << 20;

/// What the counts are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Whole.
    Whole,
    /// Of some partition it is not known yet where its counts begin.
    Beginning,
    /// Those of a part of the log: so many batches are still to be counted anew.
    Anew(u64),
}

/// The counts.
pub(crate) struct Store {
    db: Database,
}

impl Store {
    /// Opens the file at `path`. An absent one is made beside and renamed, so that a crash leaves none that is half made.
    pub(crate) fn open(world: &World, path: &Path) -> Result<Self, StoreError> {
        let fs = &**world.fs();
        if fs.exists(path).map_err(redb::Error::Io)? {
            return Self::open_file(fs, path);
        }
        let beside = path.with_extension("tmp");
        remove(fs, &beside).map_err(redb::Error::Io)?;
        let store = Self::open_file(fs, &beside)?;
        store.make(world.random_id())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs.rename(&beside, path).and_then(|()| fs.sync_dir(folder)).map_err(redb::Error::Io)?;
        Ok(store)
    }

    fn open_file(fs: &dyn Fs, path: &Path) -> Result<Self, StoreError> {
        let file = fs.open(path, Mode::Create).map_err(redb::Error::Io)?;
        let opened = Builder::new().set_cache_size(CACHE).create_with_backend(Backend(file));
        match opened.map_err(redb::Error::from) {
            Ok(db) => Ok(Self { db }),
            // What is no file of the library, or one that is cut short.
            Err(redb::Error::Io(error)) if matches!(error.kind(), InvalidData | UnexpectedEof) => {
                Err(StoreError::Damaged(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the tables, since reading would fail without, and gives the file its id.
    fn make(&self, id: [u8; 16]) -> Result<(), StoreError> {
        let write = self.begin()?;
        for table in [HEADS, CHUNKS, LANES, STATE, DIRTY, LATE] {
            write.open_table(table)?;
        }
        put(&mut write.open_table(STATE)?, STATE_KEY, &State { id, ..State::default() }.encode())?;
        Ok(write.commit()?)
    }

    /// A transaction that is durable when it is committed, and after which the file can be opened at once.
    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut write = self.db.begin_write()?;
        write.set_quick_repair(true);
        Ok(write)
    }

    /// Where the counts of all partitions stand.
    pub(crate) fn lanes(&self) -> Result<BTreeMap<Partition, Lane>, StoreError> {
        let read = self.db.begin_read()?;
        lanes(&read.open_table(LANES)?)
    }

    /// Whether the counts are those of all that was read before, if these are all partitions, and nothing is left to be read of
    /// those that stand `still`.
    pub(crate) fn standing(
        &self,
        partitions: &[Partition],
        still: &BTreeSet<Partition>,
    ) -> Result<Standing, StoreError> {
        let lanes = self.lanes()?;
        if lanes.is_empty() || partitions.iter().any(|partition| !lanes.contains_key(partition)) {
            return Ok(Standing::Beginning);
        }
        let read = lanes.iter().filter(|(partition, _)| !still.contains(partition));
        let left = read.map(|(_, lane)| lane.anew_until.saturating_sub(lane.next)).sum();
        Ok(if left > 0 { Standing::Anew(left) } else { Standing::Whole })
    }

    /// What there is once.
    pub(crate) fn state(&self) -> Result<State, StoreError> {
        let read = self.db.begin_read()?;
        state(&read.open_table(STATE)?)
    }

    /// Writes down where partitions stand, as a first commit would find them.
    pub(crate) fn set_lanes(&self, lanes: &BTreeMap<Partition, Lane>) -> Result<(), StoreError> {
        let write = self.begin()?;
        {
            let mut table = write.open_table(LANES)?;
            for (partition, lane) in lanes {
                put(&mut table, &Lane::key(*partition), &lane.encode())?;
            }
        }
        Ok(write.commit()?)
    }
}

fn remove(fs: &dyn Fs, path: &Path) -> std::io::Result<()> {
    match fs.remove(path) {
        Err(error) if error.kind() == NotFound => Ok(()),
        done => done,
    }
}

type Table<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

fn put(table: &mut Table<'_>, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    table.insert(key, rows::seal(key, value).as_slice())?;
    Ok(())
}

/// The value of a row, as `decode` reads it.
fn get<T>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let Some(found) = table.get(key)? else { return Ok(None) };
    decode(unseal(key, found.value())?).map(Some)
}

fn lanes(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<BTreeMap<Partition, Lane>, StoreError> {
    let mut lanes = BTreeMap::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let number =
            key.value().try_into().map_err(|_| logmill_rollup::Malformed("a partition is no number"))?;
        let lane = Lane::decode(unseal(key.value(), value.value())?)?;
        lanes.insert(Partition(u16::from_be_bytes(number)), lane);
    }
    Ok(lanes)
}

fn state(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<State, StoreError> {
    Ok(get(table, STATE_KEY, State::decode)?.unwrap_or_default())
}

#[cfg(test)]
impl Store {
    /// The runs of an hour.
    fn runs(&self, hour: u32, customer: &str) -> Result<Vec<rows::Run>, StoreError> {
        let read = self.db.begin_read()?;
        let head = get(&read.open_table(HEADS)?, &rows::hour_key(hour, customer), rows::Head::decode)?;
        Ok(head.unwrap_or_default().runs)
    }

    /// Chunks of all runs.
    fn chunks(&self) -> Result<u64, StoreError> {
        Ok(redb::ReadableTableMetadata::len(&self.db.begin_read()?.open_table(CHUNKS)?)?)
    }
}
