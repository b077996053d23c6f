//! The files of the hours: where they lie, which are open, which are not synced yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logmill_world::{File, Fs, Mode};

use crate::hours;
use crate::render::FileKey;

/// Files open at once.
const MAX_OPEN: usize = 256;

/// The files below `logs/`.
pub(crate) struct Folder {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    default_customer: String,
    open: HashMap<FileKey, (Box<dyn File>, u64)>,
    clock: u64,
    /// Our lines in each file touched since the checkpoint.
    touched: BTreeMap<FileKey, Range<u64>>,
    /// Folders with entries that may not be synced yet.
    fresh: BTreeSet<PathBuf>,
}

impl Folder {
    pub(crate) fn new(fs: Arc<dyn Fs>, root: PathBuf, default_customer: String) -> Self {
        Self {
            fs,
            root,
            default_customer,
            open: HashMap::new(),
            clock: 0,
            touched: BTreeMap::new(),
            fresh: BTreeSet::new(),
        }
    }

    fn path(&self, key: &FileKey) -> io::Result<PathBuf> {
        hours::path(&self.root, &self.default_customer, &key.customer, key.hour)
            .ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn file(&mut self, key: &FileKey) -> io::Result<&dyn File> {
        self.clock += 1;
        if !self.open.contains_key(key) {
            let file = self.open_or_create(key)?;
            self.close_the_idlest();
            self.open.insert(key.clone(), (file, 0));
        }
        let Some((file, used)) = self.open.get_mut(key) else { return Err(io::ErrorKind::NotFound.into()) };
        *used = self.clock;
        Ok(&**file)
    }

    fn open_or_create(&mut self, key: &FileKey) -> io::Result<Box<dyn File>> {
        let path = self.path(key)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        // A file that is there may have been made by a process that was killed before its checkpoint.
        self.fresh.insert(folder.to_path_buf());
        match self.fs.open(&path, Mode::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        self.fs.create_dir_all(folder)?;
        self.fs.open(&path, Mode::Create)
    }

    fn close_the_idlest(&mut self) {
        if self.open.len() >= MAX_OPEN
            && let Some(key) = self.open.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone())
        {
            self.open.remove(&key);
        }
    }

    /// Where the next lines of a file go, and whether that is news for the journal.
    pub(crate) fn place(&mut self, key: &FileKey) -> io::Result<(u64, bool)> {
        let len = self.file(key)?.len()?;
        Ok((len, self.end(key) != Some(len)))
    }

    /// Sets where our lines begin in a file.
    pub(crate) fn set_base(&mut self, key: &FileKey, base: u64) {
        self.touched.insert(key.clone(), base..base);
    }

    /// Where our lines ended in a file that was touched since the checkpoint.
    pub(crate) fn end(&self, key: &FileKey) -> Option<u64> {
        self.touched.get(key).map(|lines| lines.end)
    }

    /// Writes whole lines at a place. The same again changes nothing.
    pub(crate) fn write(&mut self, key: &FileKey, place: u64, lines: &[u8]) -> io::Result<()> {
        self.file(key)?.write_at(&[IoSlice::new(lines)], place)?;
        self.touched.entry(key.clone()).or_insert(place..place).end = place + lines.len() as u64;
        Ok(())
    }

    /// Files touched since the checkpoint.
    pub(crate) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// Makes all that was written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        for (key, lines) in &self.touched.clone() {
            let file = self.file(key)?;
            file.sync_data()?;
            // Who follows a file has read its lines by now; its page cache would only be in the way of others.
            file.drop_cache(lines.start, lines.end);
        }
        for folder in &self.fresh {
            self.fs.sync_dir(folder)?;
        }
        self.touched.clear();
        self.fresh.clear();
        // Files that were moved or deleted meanwhile must not be written any longer.
        self.open.clear();
        Ok(())
    }
}
