//! The names of a log's files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logmill_world::{File, Fs, Mode};

/// Free segments that are kept for their next use: bytes written before are cheaper to write again.
const SPARES: usize = 2;

/// The file that counts breaks in the log's history.
const INCARNATION: &str = "incarnation";

/// The folder of one log.
#[derive(Clone)]
pub(crate) struct Files {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
}

impl Files {
    pub(crate) fn new(fs: Arc<dyn Fs>, dir: PathBuf) -> Self {
        Self { fs, dir }
    }

    pub(crate) fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016x}.seg"))
    }

    pub(crate) fn index_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016x}.idx"))
    }

    fn spare_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016x}.spare"))
    }

    fn numbered(&self, ending: &str) -> io::Result<Vec<u64>> {
        let names = self.fs.list(&self.dir)?;
        let number = |name: &String| u64::from_str_radix(name.strip_suffix(ending)?, 16).ok();
        Ok(names.iter().filter_map(number).collect())
    }

    /// The numbers of all segments, ascending.
    pub(crate) fn segments(&self) -> io::Result<Vec<u64>> {
        self.numbered(".seg")
    }

    pub(crate) fn open(&self, number: u64, mode: Mode) -> io::Result<Box<dyn File>> {
        self.fs.open(&self.path(number), mode)
    }

    /// Keeps a segment's file for its next use, or removes it if there are enough or `give_back` is asked.
    pub(crate) fn retire(&self, number: u64, give_back: bool) -> io::Result<()> {
        if give_back || self.numbered(".spare")?.len() >= SPARES {
            self.fs.remove(&self.path(number))?;
        } else {
            self.to_spare(number)?;
        }
        match self.fs.remove(&self.index_path(number)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => self.fs.sync_dir(&self.dir),
        }
    }

    pub(crate) fn to_spare(&self, number: u64) -> io::Result<()> {
        self.fs.rename(&self.path(number), &self.spare_path(number))
    }

    /// The file of a new segment, a spare one if there is one, of at least `len` bytes.
    pub(crate) fn begin(&self, number: u64, len: u64) -> io::Result<Box<dyn File>> {
        let path = self.path(number);
        if let Some(spare) = self.numbered(".spare")?.first() {
            self.fs.rename(&self.spare_path(*spare), &path)?;
        }
        let file = self.fs.open(&path, Mode::Create)?;
        if file.len()? < len {
            file.allocate(len)?;
            // The length has to be durable, otherwise each later sync would carry it.
            file.sync_data()?;
        }
        self.fs.sync_dir(&self.dir)?;
        Ok(file)
    }

    /// How often the log was found behind an output that had read more than it holds.
    pub(crate) fn incarnation(&self) -> io::Result<u32> {
        match self.fs.read(&self.dir.join(INCARNATION), 16) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).trim().parse().unwrap_or(0)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(e) => Err(e),
        }
    }

    pub(crate) fn set_incarnation(&self, incarnation: u32) -> io::Result<()> {
        logmill_world::replace(&*self.fs, &self.dir.join(INCARNATION), format!("{incarnation}\n").as_bytes())
    }

    /// Keeps a copy of bytes that are about to be lost. The same range again changes nothing.
    pub(crate) fn quarantine(&self, number: u64, from: u32, to: u32) -> io::Result<PathBuf> {
        let dir = self.dir.join("quarantine");
        let path = dir.join(format!("{number:016x}-{from}-{to}.bin"));
        self.fs.create_dir_all(&dir)?;
        if !self.fs.exists(&path)? {
            let mut bytes = vec![0; to.saturating_sub(from) as usize];
            let n = self.open(number, Mode::Read)?.read_at(&mut bytes, u64::from(from))?;
            logmill_world::replace(&*self.fs, &path, bytes.get(..n).unwrap_or(&bytes))?;
        }
        Ok(path)
    }
}
