//! The simulated disk: what is durable, what is only in the page cache, and what a crash leaves of it.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A crash keeps or loses unsynced bytes in units of this size.
const SECTOR: usize = 512;

/// What lies on a disk that nobody has open: the state to start from.
#[derive(Clone, Default)]
pub struct Image {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(super) folders: HashSet<PathBuf>,
}

impl Image {
    /// The content of a file, for oracles.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All files with their paths, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice()))
    }

    /// A file's bytes, to damage them.
    pub fn get_mut(&mut self, path: &Path) -> Option<&mut Vec<u8>> {
        self.files.get_mut(path)
    }

    /// Removes all files below `folder`, as `rm -r` would.
    pub fn wipe(&mut self, folder: &Path) {
        self.files.retain(|path, _| !path.starts_with(folder));
        self.folders.retain(|path| !path.starts_with(folder));
    }

    /// Takes all files below `folder` from `other` instead, as restoring a backup would.
    pub fn restore(&mut self, folder: &Path, other: &Self) {
        self.wipe(folder);
        let inside = |path: &&PathBuf| path.starts_with(folder);
        self.folders.extend(other.folders.iter().filter(inside).cloned());
        let files = other.files.iter().filter(|(path, _)| path.starts_with(folder));
        self.files.extend(files.map(|(path, bytes)| (path.clone(), bytes.clone())));
    }
}

/// A file: what reads see, what is on the platter, and which ranges differ.
#[derive(Default)]
pub(super) struct Node {
    pub seen: Vec<u8>,
    pub durable: Vec<u8>,
    pub dirty: Vec<(usize, usize)>,
}

impl Node {
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        if let Some(target) = self.seen.get_mut(offset..end) {
            target.copy_from_slice(bytes);
        }
        self.dirty.push((offset, end));
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for (from, to) in self.dirty.drain(..) {
            let to = to.min(self.seen.len());
            if let (Some(target), Some(source)) = (self.durable.get_mut(from..to), self.seen.get(from..to)) {
                target.copy_from_slice(source);
            }
        }
    }

    /// What a power cut leaves: of each unsynced sector either the old bytes or the new.
    fn crashed(&self, rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut left = self.durable.clone();
        if left.len() != self.seen.len() && rng.bool() {
            left.resize(self.seen.len(), 0);
        }
        let share = rng.u8(0..=4);
        for &(from, to) in &self.dirty {
            let mut at = from;
            while at < to {
                let next = ((at / SECTOR + 1) * SECTOR).min(to);
                let kept = rng.u8(0..4) < share;
                if let (true, Some(target), Some(source)) =
                    (kept, left.get_mut(at..next), self.seen.get(at..next))
                {
                    target.copy_from_slice(source);
                }
                at = next;
            }
        }
        left
    }
}

/// A change of directory entries that no `sync_dir` has made durable yet.
#[derive(Clone)]
pub(super) enum Entry {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Entry {
    fn touches(&self, folder: &Path) -> bool {
        let path = match self {
            Self::Create(path, _) | Self::Rename(_, path) | Self::Remove(path) => path,
        };
        path.parent() == Some(folder)
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Create(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove(path) => drop(names.remove(path)),
        }
    }
}

#[derive(Default)]
pub(super) struct State {
    pub nodes: Vec<Node>,
    pub names: BTreeMap<PathBuf, usize>,
    pub durable_names: BTreeMap<PathBuf, usize>,
    pub entries: Vec<Entry>,
    pub folders: HashSet<PathBuf>,
    pub locks: HashSet<PathBuf>,
    pub operations: u64,
    pub syncs: u64,
    pub crash_at: Option<u64>,
    pub fail_syncs: HashSet<u64>,
    pub capacity: Option<u64>,
    pub down: bool,
}

impl State {
    /// Counts an operation that changes something; the one at which the machine dies fails, as do all after.
    pub(super) fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.crash_at.is_some_and(|at| self.operations >= at) {
            self.down = true;
        }
        self.alive()
    }

    pub(super) fn alive(&self) -> io::Result<()> {
        if self.down { Err(io::Error::other("the simulated machine is down")) } else { Ok(()) }
    }

    pub(super) fn room_for(&self, more: usize) -> io::Result<()> {
        let used: usize = self.names.values().filter_map(|&n| self.nodes.get(n)).map(|n| n.seen.len()).sum();
        match self.capacity {
            Some(capacity) if (used + more) as u64 > capacity => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.names.values().filter_map(|&n| self.nodes.get(n)).map(|n| n.seen.len() as u64).sum()
    }

    pub(super) fn change(&mut self, entry: Entry) {
        entry.apply(&mut self.names);
        self.entries.push(entry);
    }

    pub(super) fn sync_entries(&mut self, folder: &Path) {
        let (now, later) = std::mem::take(&mut self.entries).into_iter().partition(|e| e.touches(folder));
        self.entries = later;
        let now: Vec<Entry> = now;
        now.iter().for_each(|entry| entry.apply(&mut self.durable_names));
    }
}

/// A simulated disk, shared by all clones.
#[derive(Clone, Default)]
pub struct Disk(pub(super) Arc<Mutex<State>>);

impl Disk {
    /// A disk with the content of `image`, all of it durable.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let mut state = State { folders: image.folders.clone(), ..State::default() };
        for (index, (path, bytes)) in image.files.iter().enumerate() {
            state.nodes.push(Node { seen: bytes.clone(), durable: bytes.clone(), dirty: Vec::new() });
            state.names.insert(path.clone(), index);
        }
        state.durable_names = state.names.clone();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine dies at the `operations`-th change from now.
    pub fn crash_after(&self, operations: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.operations + operations);
    }

    /// The `nth` data sync from now (0: the next) answers `EIO`, and what it covered is never written.
    pub fn fail_sync(&self, nth: u64) {
        let mut state = self.state();
        let at = state.syncs + nth;
        state.fail_syncs.insert(at);
    }

    /// Bytes that fit; beyond them writes answer `ENOSPC`.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// Whether the crash has happened.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// Changes made so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// What the page cache shows now: what `kill -9` of the process leaves.
    #[must_use]
    pub fn killed(&self) -> Image {
        let mut state = self.state();
        state.down = true;
        let content =
            |(path, node): (&PathBuf, &usize)| Some((path.clone(), state.nodes.get(*node)?.seen.clone()));
        Image { files: state.names.iter().filter_map(content).collect(), folders: state.folders.clone() }
    }

    /// What a power cut leaves: unsynced sectors and directory entries survive or not, by `seed`.
    #[must_use]
    pub fn power_cut(&self, seed: u64) -> Image {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = self.state();
        state.down = true;
        let mut names = state.durable_names.clone();
        // File systems journal their metadata in order, so a prefix of the changes survives.
        let survivors = rng.usize(0..=state.entries.len());
        state.entries.iter().take(survivors).for_each(|entry| entry.apply(&mut names));
        let mut files = BTreeMap::new();
        for (path, node) in names {
            if let Some(node) = state.nodes.get(node) {
                files.insert(path, node.crashed(&mut rng));
            }
        }
        Image { files, folders: state.folders.clone() }
    }
}
