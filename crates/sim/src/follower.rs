//! A reader of the hourly files that remembers what it saw.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use logmill_world::Fs;
use logmill_world::sim::{Disk, Image};

use crate::Checked;
use crate::stage::FILES;

const LARGEST: u64 = 1 << 30;

/// The hourly files by path.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What a reader has seen: it ignores an unfinished last line, and expects that whole lines stay.
#[derive(Default)]
pub struct Follower {
    seen: Files,
}

/// Whether a path is one of the hourly files.
fn is_hour(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".log.json")
}

/// The hourly files of an image.
pub(crate) fn files_of(image: &Image) -> Files {
    let below = image.iter().filter(|(path, _)| path.starts_with(FILES) && is_hour(path));
    below.map(|(path, bytes)| (path.to_path_buf(), bytes.to_vec())).collect()
}

/// The hourly files of a disk that is in use.
pub(crate) fn files_on(disk: &Disk) -> io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![Path::new(FILES).join("logs")];
    while let Some(folder) = folders.pop() {
        for name in disk.list(&folder)? {
            let path = folder.join(name);
            if is_hour(&path) {
                files.insert(path.clone(), disk.read(&path, LARGEST)?);
            } else if disk.list(&path).is_ok() {
                folders.push(path);
            }
        }
    }
    Ok(files)
}

impl Follower {
    /// Reads all files: what was seen before has to be there, byte for byte.
    pub(crate) fn observe(&mut self, files: &Files) -> Checked {
        for (path, before) in &self.seen {
            let now = files.get(path).map(Vec::as_slice).unwrap_or_default();
            if !now.starts_with(before) {
                let same = now.iter().zip(before).take_while(|(a, b)| a == b).count();
                return Err(format!(
                    "{} changed at byte {same}: a reader had seen {} bytes, now there are {}",
                    path.display(),
                    before.len(),
                    now.len()
                ));
            }
        }
        for (path, bytes) in files {
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.seen.insert(path.clone(), bytes.get(..whole).unwrap_or_default().to_vec());
        }
        Ok(())
    }
}
