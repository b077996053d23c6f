//! What the one writer publishes and everybody else reads: only what is durable.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logmill_world::{File, Mode, World};
use tokio::sync::Notify;

use super::config::LogConfig;
use super::files::Files;
use super::groups::Members;
use super::index::{Entry, LiveIndex, Summary, load_entries};
use super::recover;
use super::state::{End, Lane, LogState};
use crate::contract::{Group, LogId, Offset, Partition, QueueError, Topic};

/// A segment that is no longer written.
pub(crate) struct Closed {
    pub file: Arc<dyn File>,
    pub summary: Summary,
}

/// The segment that is written.
pub(crate) struct Live {
    pub number: u64,
    pub file: Arc<dyn File>,
    /// Shared with the writer while it writes the index file; nothing is added then.
    pub index: Arc<LiveIndex>,
}

/// The state of the log that readers may see.
pub(crate) struct State {
    pub log: LogState,
    pub closed: BTreeMap<u64, Closed>,
    pub live: Live,
    pub members: HashMap<(Group, Topic), Members>,
    /// Why appends are refused at the moment, if they are.
    pub trouble: Option<QueueError>,
}

/// What all handles of a log share.
pub(crate) struct Shared {
    pub world: World,
    pub config: LogConfig,
    pub files: Files,
    pub id: LogId,
    /// How often the log's history was broken before this start.
    incarnation: u32,
    state: Mutex<State>,
    /// Grows with each group of frames that became durable.
    groups: AtomicU64,
    /// The oldest segment of which the page cache is meant to hold something.
    recent: AtomicU64,
    /// Told after each of them. It wakes in the order of waiting, which a `watch` does not: a seed has to
    /// repeat a simulation.
    pub durable: Notify,
    /// Told when a lease was released.
    pub released: Notify,
}

/// Where a frame lies.
pub(crate) struct Found {
    pub segment: u64,
    pub file: Arc<dyn File>,
    pub entry: Entry,
}

/// The frames of one lane in one closed segment.
pub(crate) struct Loaded {
    pub segment: u64,
    pub file: Arc<dyn File>,
    pub entries: Vec<Entry>,
}

/// Where the next frame of a lane is to be looked for.
pub(crate) enum Lookup {
    /// In the segment that is written: here it is.
    Live(Found),
    /// In a closed segment, whose entries have to be loaded.
    Closed(u64, Arc<dyn File>, Summary),
    /// Not written yet.
    End(End),
}

impl Shared {
    pub(crate) fn new(
        world: World,
        config: LogConfig,
        files: Files,
        id: LogId,
        incarnation: u32,
        state: State,
    ) -> Self {
        Self {
            world,
            config,
            files,
            id,
            incarnation,
            state: Mutex::new(state),
            groups: AtomicU64::new(0),
            recent: AtomicU64::new(0),
            durable: Notify::new(),
            released: Notify::new(),
        }
    }

    /// The id that positions carry. It differs after a break in the log's history, so that a position from
    /// before is not taken for one of the frames that got the same offsets since.
    pub(crate) fn position_id(&self) -> LogId {
        let mut id = self.id.0;
        id.iter_mut().rev().zip(self.incarnation.to_le_bytes()).for_each(|(byte, part)| *byte ^= part);
        LogId(id)
    }

    /// An output has read more than the log holds: it was restored from an older copy, and will give offsets
    /// to new frames that others had before. From the next start on no old position is taken.
    pub(crate) fn break_history(&self) {
        tracing::error!(log = %self.files.dir().display(), "the log is older than an output that was read from it");
        if let Err(error) = self.files.set_incarnation(self.incarnation.wrapping_add(1)) {
            tracing::error!(%error, "the break in the log's history could not be written down");
        }
    }

    /// How many groups of frames became durable.
    pub(crate) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    pub(crate) fn set_recent(&self, segment: u64) {
        self.recent.store(segment, Ordering::Relaxed);
    }

    /// Whether a segment is so old that its readers give its page cache back.
    pub(crate) fn is_old(&self, segment: u64) -> bool {
        segment < self.recent.load(Ordering::Relaxed)
    }

    /// Lets readers look again: another group became durable.
    pub(crate) fn tell_durable(&self) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.durable.notify_waiters();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions that hold or may get frames of `topic`.
    pub(crate) fn partitions(&self, topic: &Topic) -> Vec<Partition> {
        let state = self.state();
        let seen = state.log.ends.keys().filter(|(t, _)| t == topic).map(|(_, p)| p.0).max();
        let last = seen.unwrap_or(0).max(self.config.partitions.saturating_sub(1));
        (0..=last).map(Partition).collect()
    }

    /// The first frame of `lane` at `offset` or behind it.
    pub(crate) fn look_up(&self, lane: &Lane, offset: Offset) -> Lookup {
        let state = self.state();
        for (number, closed) in &state.closed {
            if closed.summary.lanes.get(lane).is_some_and(|extent| extent.end.offset > offset) {
                return Lookup::Closed(*number, closed.file.clone(), closed.summary.clone());
            }
        }
        let entries = state.live.index.lanes.get(lane).map(Vec::as_slice).unwrap_or_default();
        let at = entries.partition_point(|entry| entry.offset < offset);
        match entries.get(at) {
            Some(entry) => {
                let (segment, file) = (state.live.number, state.live.file.clone());
                Lookup::Live(Found { segment, file, entry: *entry })
            }
            None => Lookup::End(state.end(lane)),
        }
    }

    /// Loads the places of a lane's frames in a closed segment, from its index or its headers.
    pub(crate) fn load(
        &self,
        lane: &Lane,
        segment: u64,
        file: Arc<dyn File>,
        summary: &Summary,
    ) -> io::Result<Loaded> {
        let path = self.files.index_path(segment);
        let fs = &**self.files.fs();
        let Some(extent) = summary.lanes.get(lane) else {
            return Ok(Loaded { segment, file, entries: Vec::new() });
        };
        if let Some(entries) = load_entries(fs, &path, extent)? {
            return Ok(Loaded { segment, file, entries });
        }
        tracing::warn!(segment, "the index of a segment is damaged, it is made again");
        let live = recover::rebuild_index(&self.files, segment, self.id)?;
        let entries = live.lanes.get(lane).cloned().unwrap_or_default();
        Ok(Loaded { segment, file, entries })
    }

    /// The oldest frame of a lane that is kept, or where the next one will be.
    pub(crate) fn oldest(&self, lane: &Lane) -> End {
        let state = self.state();
        let closed = state.closed.values().find_map(|closed| closed.summary.lanes.get(lane));
        let live = state.live.index.summary.lanes.get(lane);
        closed.or(live).map_or_else(|| state.end(lane), |extent| extent.first)
    }

    /// Whether the offsets from `asked` to the oldest frame never held a record: those of a failed sync can lie
    /// behind a segment that was removed. A position before them with as many records tells.
    pub(crate) fn is_hole(&self, lane: &Lane, asked: Offset, oldest: End) -> bool {
        let state = self.state();
        let mut ours = state.log.positions.iter().filter(|((_, of), _)| of == lane).map(|(_, stored)| stored);
        ours.any(|stored| stored.committed.offset <= asked && stored.ordinal == oldest.ordinal)
    }

    pub(crate) fn open_closed(files: &Files, number: u64, summary: Summary) -> io::Result<Closed> {
        Ok(Closed { file: files.open(number, Mode::Read)?.into(), summary })
    }
}

impl State {
    pub(crate) fn end(&self, lane: &Lane) -> End {
        self.log.ends.get(lane).copied().unwrap_or_default()
    }
}
