//! What logmill needs of a file system, and nothing more.

use std::io::{self, IoSlice};
use std::path::Path;

use crate::Micros;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Must exist; is not written.
    Read,
    /// Must exist.
    Write,
    /// Created if absent. The new directory entry is durable only after `sync_dir`.
    Create,
}

/// Free and total bytes of a file system, as an unprivileged writer sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free: u64,
    /// The size of the file system.
    pub total: u64,
}

/// What has a name in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it leads to, or something that is not on the disk.
    Other,
}

/// A name in a folder and what the file system says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// The name, without the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub len: u64,
    /// When the content changed last, by the clock of the file system.
    pub modified: Micros,
}

/// A held lock; dropping it gives the lock back, as does the end of the process.
pub trait Lock: Send + Sync {}

/// Why a lock was not had.
#[derive(Debug)]
pub enum LockFailure {
    /// Another process has it. Its pid, where it could be read.
    Held(Option<u32>),
    /// The lock file cannot be opened or written.
    Io(io::Error),
}

/// The files of a world. All calls block.
pub trait Fs: Send + Sync {
    /// Creates a folder and its parents and makes their entries durable.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound` if it must exist and does not, or any I/O error of the system.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>>;

    /// The names in a folder, sorted. Names that are not UTF-8 are left out: none of them is ours.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// As `list`, with what each name is. Links are not followed; what is removed meanwhile may be left out.
    ///
    /// # Errors
    /// Any I/O error of the system; `Unsupported` where there are no times, as on a simulated disk.
    fn entries(&self, _path: &Path) -> io::Result<Vec<FolderEntry>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Renames a file over whatever has the new name. Durable only after `sync_dir`.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable only after `sync_dir`.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Free and total space of the file system that holds `path`.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Takes the lock file at `path` for this process and writes the pid into it.
    ///
    /// # Errors
    /// See `LockFailure`.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockFailure>;

    /// The whole content of a file.
    ///
    /// # Errors
    /// As `open`; `InvalidData` if it is larger than `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path, Mode::Read)?;
        let len = file.len()?;
        if len > limit {
            let reason = format!("{} holds {len} bytes, at most {limit} are expected", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Whether there is something at `path`.
    ///
    /// # Errors
    /// Any I/O error of the system but `NotFound`.
    fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.open(path, Mode::Read) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// An open file, written at places that its owner names.
pub trait File: Send + Sync {
    /// Reads at `offset` until `buf` is full or the file ends; answers the bytes read.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `parts`, one after the other, from `offset` on.
    ///
    /// # Errors
    /// Any I/O error of the system; a part may have been written then.
    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// `fdatasync`.
    ///
    /// # Errors
    /// Any I/O error of the system; what was not synced before is then of unknown state.
    fn sync_data(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds nothing.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file or fills it up with zeros.
    ///
    /// # Errors
    /// Any I/O error of the system.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Tells the system that nobody is expected to read the bytes `from..to` soon, so that their page cache can
    /// be used for something else. Bytes that are not synced stay there. Advice only: nothing can go wrong.
    fn drop_cache(&self, _from: u64, _to: u64) {}

    /// Reserves space for `len` bytes and grows the file to them.
    ///
    /// # Errors
    /// Any I/O error of the system, `StorageFull` above all.
    fn allocate(&self, len: u64) -> io::Result<()>;
}

/// Replaces a small file by `bytes`, durably: a reader finds the old content or the new, never a mixture.
///
/// # Errors
/// Any I/O error of the system; the old content is then still there.
pub fn replace(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let file = fs.open(&beside, Mode::Create)?;
    file.set_len(0)?;
    file.write_at(&[IoSlice::new(bytes)], 0)?;
    file.sync_data()?;
    fs.rename(&beside, path)?;
    fs.sync_dir(path.parent().unwrap_or(Path::new(".")))
}
