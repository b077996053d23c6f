//! The keys that were seen within the horizon, for the logs that decide by them.
//!
//! In memory up to `SEAL_AT` keys or until the log seals them, then sorted runs on disk, each with a filter. The index
//! is complete in itself: what it was made from may be gone long before the horizon.

mod filter;
mod merge;
mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logmill_world::{Fs, Micros, World};
use tokio::sync::oneshot;

use self::run::Run;
use crate::contract::{Key, Offset, Partition};

/// Keys in memory before they become a run: about 10 MiB.
const SEAL_AT: usize = 128 * 1024;

type Hash = [u8; 16];

/// What is known of a key. 40 bytes with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The first half of the body's digest: enough to tell a sender's own bodies apart.
    pub digest: [u8; 8],
    /// When its frame arrived, in seconds since 1970.
    pub received: u32,
    /// Records of its frame that were accepted.
    pub accepted: u32,
    /// Where its frame lies, or lay.
    pub partition: Partition,
    /// Its place there.
    pub offset: Offset,
}

impl Seen {
    /// Whether a frame with this key has the same body.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        key.digest.starts_with(&self.digest)
    }
}

fn seconds(at: Micros) -> u32 {
    u32::try_from(at.max(0) / 1_000_000).unwrap_or(u32::MAX)
}

/// What a request with a key has to do.
pub(crate) enum Claim {
    /// Append it; keep the guard until its fate is known.
    First(InFlight),
    /// The same key is under way: wait, then claim again.
    Wait(oneshot::Receiver<()>),
    /// It came before.
    Known(Seen),
}

#[derive(Default)]
struct Inner {
    in_flight: HashMap<Hash, Vec<oneshot::Sender<()>>>,
    recent: HashMap<Hash, Seen>,
    runs: Vec<Arc<Run>>,
    next_run: u64,
    merging: bool,
}

/// The index of keys of one log, or of one partition of it.
pub struct Keys {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    horizon: u32,
    inner: Mutex<Inner>,
}

/// A key whose append is under way. Dropping it wakes those who wait; one of them becomes the first.
pub(crate) struct InFlight {
    keys: Arc<Keys>,
    hash: Hash,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let waiters = self.keys.lock().in_flight.remove(&self.hash);
        for waiter in waiters.into_iter().flatten() {
            // A waiter that is gone does not want to know.
            let _ = waiter.send(());
        }
    }
}

/// Runs that cannot be read, and why; the keys in them are forgotten.
pub type Unreadable = Vec<(PathBuf, io::Error)>;

impl Keys {
    /// Opens the runs in `dir`, and makes the folder if it is absent.
    ///
    /// # Errors
    /// The folder cannot be made or listed.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        horizon: std::time::Duration,
    ) -> io::Result<(Arc<Self>, Unreadable)> {
        fs.create_dir_all(&dir)?;
        let mut inner = Inner::default();
        let mut unreadable = Vec::new();
        for name in fs.list(&dir)? {
            if name.ends_with(".tmp") {
                // A run whose writing was cut short.
                fs.remove(&dir.join(&name))?;
            }
            let Some(number) = name.strip_suffix(".run").and_then(|n| u64::from_str_radix(n, 16).ok()) else {
                continue;
            };
            inner.next_run = inner.next_run.max(number + 1);
            match Run::open(&*fs, &dir.join(&name)) {
                Ok(run) => inner.runs.push(Arc::new(run)),
                Err(e) => unreadable.push((dir.join(&name), e)),
            }
        }
        let horizon = u32::try_from(horizon.as_secs()).unwrap_or(u32::MAX);
        Ok((Arc::new(Self { fs, dir, horizon, inner: Mutex::new(inner) }), unreadable))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a key at `now`.
    ///
    /// # Errors
    /// A run cannot be read: whether the key came before is not known.
    pub fn find(&self, key: &Key, now: Micros) -> io::Result<Option<Seen>> {
        let runs = {
            let inner = self.lock();
            if let Some(seen) = inner.recent.get(&key.hash).filter(|seen| self.is_fresh(seen, now)) {
                return Ok(Some(*seen));
            }
            inner.runs.clone()
        };
        // The files are read without the lock.
        for run in runs.iter().rev() {
            if let Some(seen) = run.find(&key.hash)?.filter(|seen| self.is_fresh(seen, now)) {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    /// Decides what a request with `key` has to do.
    ///
    /// # Errors
    /// As `find`.
    pub(crate) fn claim(self: &Arc<Self>, key: &Key, now: Micros) -> io::Result<Claim> {
        {
            let mut inner = self.lock();
            if let Some(waiters) = inner.in_flight.get_mut(&key.hash) {
                let (sender, receiver) = oneshot::channel();
                waiters.push(sender);
                return Ok(Claim::Wait(receiver));
            }
            inner.in_flight.insert(key.hash, Vec::new());
        }
        // The key is ours while it is looked for.
        let guard = InFlight { keys: self.clone(), hash: key.hash };
        if let Some(seen) = self.find(key, now)? {
            return Ok(Claim::Known(seen));
        }
        Ok(Claim::First(guard))
    }

    fn is_fresh(&self, seen: &Seen, now: Micros) -> bool {
        seconds(now) <= seen.received.saturating_add(self.horizon)
    }

    /// Adds a key whose frame is durable; answers what is known of it from now on.
    pub fn remember(
        &self,
        key: &Key,
        at: Micros,
        accepted: u32,
        partition: Partition,
        offset: Offset,
    ) -> Seen {
        let mut digest = [0; 8];
        digest.iter_mut().zip(key.digest).for_each(|(to, from)| *to = from);
        let seen = Seen { digest, received: seconds(at), accepted, partition, offset };
        self.lock().recent.insert(key.hash, seen);
        seen
    }

    /// Whether enough keys are in memory for a run of their own.
    #[must_use]
    pub fn is_heavy(&self) -> bool {
        self.lock().recent.len() >= SEAL_AT
    }

    /// Moves the keys in memory to a run on disk and drops the runs behind the horizon.
    ///
    /// # Errors
    /// The run cannot be written; the keys stay in memory.
    pub fn seal(&self, now: Micros) -> io::Result<()> {
        self.drop_expired(now)?;
        let (mut entries, path) = {
            let mut inner = self.lock();
            let entries: Vec<(Hash, Seen)> = inner.recent.iter().map(|(hash, seen)| (*hash, *seen)).collect();
            (entries, self.next_path(&mut inner))
        };
        if entries.is_empty() {
            return Ok(());
        }
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        let len = entries.len() as u64;
        let run = run::write(&*self.fs, &path, len, entries.into_iter().map(Ok))?;
        let mut inner = self.lock();
        inner.recent.clear();
        inner.runs.push(Arc::new(run));
        Ok(())
    }

    fn next_path(&self, inner: &mut Inner) -> PathBuf {
        let number = inner.next_run;
        inner.next_run += 1;
        self.dir.join(format!("{number:016x}.run"))
    }

    fn drop_expired(&self, now: Micros) -> io::Result<()> {
        let expired: Vec<Arc<Run>> = {
            let mut inner = self.lock();
            let dead = |run: &Arc<Run>| seconds(now) > run.newest.saturating_add(self.horizon);
            let (gone, kept) = std::mem::take(&mut inner.runs).into_iter().partition(dead);
            inner.runs = kept;
            gone
        };
        self.remove(&expired)
    }

    fn remove(&self, runs: &[Arc<Run>]) -> io::Result<()> {
        for run in runs {
            self.fs.remove(&run.path)?;
        }
        if runs.is_empty() { Ok(()) } else { self.fs.sync_dir(&self.dir) }
    }

    /// Runs of similar size that are worth merging, if no merge is under way. Ends with `merge`.
    fn plan_merge(&self) -> Option<Vec<Arc<Run>>> {
        let mut inner = self.lock();
        if inner.merging {
            return None;
        }
        let plan = merge::plan(&inner.runs)?;
        inner.merging = true;
        Some(plan)
    }

    /// Replaces the runs of `plan` by one.
    ///
    /// # Errors
    /// Any I/O error; the old runs stay in use then.
    fn merge(&self, plan: &[Arc<Run>], now: Micros) -> io::Result<()> {
        let path = self.next_path(&mut self.lock());
        let oldest = seconds(now).saturating_sub(self.horizon);
        let merged = merge::merge(&*self.fs, &path, plan, oldest);
        let mut inner = self.lock();
        inner.merging = false;
        let merged = merged?;
        // The merged run takes the place of its oldest source: newer runs are asked first.
        let at = inner.runs.iter().position(|run| plan.iter().any(|p| p.path == run.path)).unwrap_or(0);
        inner.runs.retain(|run| !plan.iter().any(|p| p.path == run.path));
        let at = at.min(inner.runs.len());
        inner.runs.insert(at, Arc::new(merged));
        drop(inner);
        self.remove(plan)
    }

    /// Merges runs of similar size on a thread of its own, if there are enough of them.
    pub fn merge_beside(self: &Arc<Self>, world: &World, now: Micros) {
        let Some(plan) = self.plan_merge() else { return };
        let keys = self.clone();
        let job = async move {
            if let Err(error) = keys.merge(&plan, now) {
                tracing::warn!(%error, "runs of keys could not be merged");
            }
        };
        if let Err(error) = world.spawn_io("keys-merge", Box::pin(job)) {
            tracing::warn!(%error, "no thread to merge runs of keys");
        }
    }

    #[cfg(test)]
    fn runs(&self) -> usize {
        self.lock().runs.len()
    }
}
