//! Reads the hourly files like `tail -F`, while the process that writes them is killed again and again.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Crc;

use super::acks::Acks;
use crate::files::hourly_files;

#[cfg(test)]
mod tests;

const PAUSE: Duration = Duration::from_millis(15);
/// Bytes read at once of one file.
const AT_ONCE: u64 = 1 << 20;

/// What was read of one file.
struct Seen {
    inode: u64,
    bytes: u64,
    /// Over all bytes that were read, half lines included.
    crc: Crc,
    half: Vec<u8>,
}

/// A thread that follows all files.
#[derive(Debug)]
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Tail>,
}

struct Tail {
    data: PathBuf,
    acks: Acks,
    files: BTreeMap<PathBuf, Seen>,
    records: HashSet<(u64, u64)>,
    lines: u64,
}

impl Follower {
    /// Begins to read the hourly files of a data folder. What it finds wrong is complained of.
    #[must_use]
    pub fn start(data: &Path, acks: &Acks) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (data, acks) = (data.to_owned(), acks.clone());
        let mut tail = Tail::new(data, acks);
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                tail.poll();
                std::thread::sleep(PAUSE);
            }
            tail
        });
        Self { stop, thread }
    }

    /// Reads the rest, and compares everything that it ever saw with what is in the files now. Answers the lines.
    ///
    /// # Panics
    /// The thread did.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let mut tail = self.thread.join().expect("the follower does not fail");
        let bytes = |tail: &Tail| tail.files.values().map(|seen| seen.bytes).sum::<u64>();
        let mut before = u64::MAX;
        while before != bytes(&tail) {
            before = bytes(&tail);
            tail.poll();
        }
        tail.compare();
        tail.lines
    }
}

/// The number behind a name in a line, with quotation marks around it or not.
fn number(line: &str, name: &str) -> Option<u64> {
    let rest = line.split_once(name)?.1.trim_start_matches('"');
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Tail {
    fn new(data: PathBuf, acks: Acks) -> Self {
        Self { data, acks, files: BTreeMap::new(), records: HashSet::new(), lines: 0 }
    }

    fn poll(&mut self) {
        for path in hourly_files(&self.data) {
            if let Err(error) = self.follow(&path) {
                self.acks.complain(format!("follower: {}: {error}", path.display()));
            }
        }
    }

    fn follow(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let new = || Seen { inode: metadata.ino(), bytes: 0, crc: Crc::new(), half: Vec::new() };
        let seen = self.files.entry(path.to_owned()).or_insert_with(new);
        if seen.inode != metadata.ino() || metadata.len() < seen.bytes {
            let (was, is) = (seen.bytes, metadata.len());
            *seen = new();
            return Err(io::Error::other(format!("replaced or cut: {was} bytes were read, now it has {is}")));
        }
        file.seek(SeekFrom::Start(seen.bytes))?;
        let mut bytes = Vec::new();
        file.take(AT_ONCE).read_to_end(&mut bytes)?;
        seen.bytes += bytes.len() as u64;
        seen.crc.update(&bytes);
        seen.half.extend(&bytes);
        let whole = seen.half.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = seen.half.drain(..whole).collect();
        let complaints: Vec<String> =
            String::from_utf8_lossy(&lines).lines().filter_map(|line| self.line(line)).collect();
        complaints.into_iter().for_each(|complaint| self.acks.complain(complaint));
        Ok(())
    }

    fn line(&mut self, line: &str) -> Option<String> {
        self.lines += 1;
        let Some(id) = number(line, "\"client\":").zip(number(line, "\"seq\":")) else {
            return Some(format!("follower: a line that nobody sent: {line}"));
        };
        (!self.records.insert(id)).then(|| format!("follower: seen twice: {line}"))
    }

    fn compare(&self) {
        for (path, seen) in &self.files {
            let mut bytes = Vec::new();
            let read = File::open(path).and_then(|file| file.take(seen.bytes).read_to_end(&mut bytes));
            let mut crc = Crc::new();
            crc.update(&bytes);
            if read.is_err() || bytes.len() as u64 != seen.bytes || crc.sum() != seen.crc.sum() {
                self.acks.complain(format!("follower: {} changed where it was read before", path.display()));
            }
            if !seen.half.is_empty() {
                self.acks.complain(format!("follower: {} ends in half a line", path.display()));
            }
        }
    }
}
