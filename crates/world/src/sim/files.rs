//! `Fs` and `File` on the simulated disk.

use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Entry, Node};
use crate::{File, Fs, Lock, LockFailure, Mode, Space};

impl Fs for Disk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.folders.extend(path.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let mut state = self.state();
        state.alive()?;
        if let Some(&node) = state.names.get(path) {
            return Ok(Box::new(Handle { disk: self.clone(), node }));
        }
        let parent = path.parent().unwrap_or(Path::new(""));
        if mode != Mode::Create || !state.folders.contains(parent) {
            return Err(ErrorKind::NotFound.into());
        }
        state.step()?;
        let node = state.nodes.len();
        state.nodes.push(Node::default());
        state.change(Entry::Create(path.to_path_buf(), node));
        Ok(Box::new(Handle { disk: self.clone(), node }))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.alive()?;
        if !state.folders.contains(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let below = state.names.keys().chain(&state.folders).filter(|p| p.parent() == Some(path));
        let mut names: Vec<String> =
            below.filter_map(|p| Some(p.file_name()?.to_str()?.to_owned())).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        if !state.names.contains_key(from) {
            return Err(ErrorKind::NotFound.into());
        }
        state.change(Entry::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        if !state.names.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        state.change(Entry::Remove(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.sync_entries(path);
        Ok(())
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let state = self.state();
        state.alive()?;
        let total = state.capacity.unwrap_or(1 << 40);
        Ok(Space { free: total.saturating_sub(state.used()), total })
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockFailure> {
        let mut state = self.state();
        state.alive().map_err(LockFailure::Io)?;
        if !state.locks.insert(path.to_path_buf()) {
            return Err(LockFailure::Held(Some(1)));
        }
        Ok(Box::new(Held { disk: self.clone(), path: path.to_path_buf() }))
    }
}

struct Held {
    disk: Disk,
    path: PathBuf,
}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

struct Handle {
    disk: Disk,
    node: usize,
}

fn size(value: u64) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| ErrorKind::InvalidInput.into())
}

fn stale() -> io::Error {
    io::Error::other("no such node on the simulated disk")
}

impl Handle {
    /// Runs `change` on the file, as one operation at which the machine may die.
    fn change<T>(&self, change: impl FnOnce(&mut Node) -> T) -> io::Result<T> {
        let mut state = self.disk.state();
        state.step()?;
        state.nodes.get_mut(self.node).map(change).ok_or_else(stale)
    }
}

impl File for Handle {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        state.alive()?;
        let node = state.nodes.get(self.node).ok_or_else(stale)?;
        let rest = node.seen.get(size(offset)?..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(target), Some(source)) = (buf.get_mut(..n), rest.get(..n)) {
            target.copy_from_slice(source);
        }
        Ok(n)
    }

    fn write_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes = parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>();
        let mut state = self.disk.state();
        let from = size(offset)?;
        let len = state.nodes.get(self.node).ok_or_else(stale)?.seen.len();
        state.room_for((from + bytes.len()).saturating_sub(len))?;
        let died = state.step();
        let node = state.nodes.get_mut(self.node).ok_or_else(stale)?;
        if died.is_ok() {
            node.write(from, &bytes);
        } else if let Some(part) = bytes.get(..bytes.len() / 2) {
            // The machine dies in the middle of the write.
            node.write(from, part);
        }
        died
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step()?;
        let sync = state.syncs;
        state.syncs += 1;
        let failed = state.fail_syncs.remove(&sync);
        let node = state.nodes.get_mut(self.node).ok_or_else(stale)?;
        if failed {
            // As on Linux: the pages count as clean afterwards, a second sync would succeed and write nothing.
            node.dirty.clear();
            return Err(io::Error::from_raw_os_error(5));
        }
        node.sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive()?;
        Ok(state.nodes.get(self.node).ok_or_else(stale)?.seen.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = size(len)?;
        self.change(|node| node.seen.resize(len, 0))
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let wanted = size(len)?;
        let state = self.disk.state();
        let held = state.nodes.get(self.node).ok_or_else(stale)?.seen.len();
        state.room_for(wanted.saturating_sub(held))?;
        drop(state);
        self.change(|node| {
            if node.seen.len() < wanted {
                node.seen.resize(wanted, 0);
            }
        })
    }
}
