//! A folder for keys that do not fit into memory. Nothing in it outlives the process: it is made again from the topic.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use logmill_queue::Partition;
use logmill_queue::keys::Keys;
use logmill_world::{Fs, Lock, LockFailure};

/// Processes that may share a folder. Beyond it something is wrong.
const MOST: u32 = 256;

/// A folder that no other process uses.
pub(super) struct Folder {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    open: Mutex<BTreeMap<Partition, Weak<Keys>>>,
    _lock: Box<dyn Lock>,
}

impl Folder {
    /// Takes the first of the numbered folders in `dir` that nobody uses.
    pub(super) fn take(fs: &Arc<dyn Fs>, dir: &Path) -> io::Result<Self> {
        for number in 0..MOST {
            let path = dir.join(number.to_string());
            fs.create_dir_all(&path)?;
            match fs.lock(&path.join("LOCK")) {
                Ok(lock) => {
                    return Ok(Self { fs: fs.clone(), path, open: Mutex::default(), _lock: lock });
                }
                Err(LockFailure::Held(_)) => {}
                Err(LockFailure::Io(error)) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{MOST} processes use {}", dir.display())))
    }

    /// Keys of a partition, none yet.
    ///
    /// # Errors
    /// Those of before are in use still, for instance because their runs are being merged; or any I/O error.
    pub(super) fn begin(&self, partition: Partition, horizon: Duration) -> io::Result<Arc<Keys>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&partition).is_some_and(|keys| keys.strong_count() > 0) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the keys of before are in use still"));
        }
        let path = self.path.join(partition.to_string());
        self.fs.create_dir_all(&path)?;
        for name in self.fs.list(&path)? {
            self.fs.remove(&path.join(name))?;
        }
        let (keys, _) = Keys::open(self.fs.clone(), path, horizon)?;
        open.insert(partition, Arc::downgrade(&keys));
        Ok(keys)
    }
}
