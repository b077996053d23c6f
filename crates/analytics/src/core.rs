//! The store as all parts of the room use it: opened when it is needed, opened anew when it failed, set aside when it is damaged.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use logmill_queue::Partition;
use logmill_world::{Lock, LockFailure, World};

use crate::config::AnalyticsConfig;
use crate::store::{Standing, Store, StoreError};

const FILE: &str = "windows.redb";

/// What sink, keeper and API share.
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) config: AnalyticsConfig,
    slot: RwLock<Slot>,
    partitions: Mutex<Partitions>,
}

/// What is known of the partitions beside the store.
#[derive(Default)]
struct Partitions {
    /// All of the topic, as far as somebody asked.
    all: Vec<Partition>,
    /// Those that are read to the end, though their positions are not there.
    still: BTreeSet<Partition>,
}

/// The store is never used outside of the slot's guard, so that a file is never open twice.
#[derive(Default)]
struct Slot {
    store: Option<Store>,
    /// Grows with each opening, so that who finds a store damaged sets no later one aside.
    opening: u64,
    lock: Option<Box<dyn Lock>>,
}

impl Core {
    pub(crate) fn new(world: World, config: AnalyticsConfig) -> Self {
        Self { world, config, slot: RwLock::default(), partitions: Mutex::default() }
    }

    /// Counts are whole only when all of these partitions are known to the store.
    pub(crate) fn expect(&self, partitions: Vec<Partition>) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).all = partitions;
    }

    /// These partitions are read to the end, though their positions are not there.
    pub(crate) fn stand_still(&self, still: BTreeSet<Partition>) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).still = still;
    }

    /// What the counts of a store are worth.
    pub(crate) fn standing(&self, store: &Store) -> Result<Standing, StoreError> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        store.standing(&partitions.all, &partitions.still)
    }

    fn path(&self) -> PathBuf {
        self.config.store().join(FILE)
    }

    /// Uses the store, which is opened if it is not open. Blocks on files.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.open()?;
        let (outcome, opening) = {
            let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
            let Some(store) = &slot.store else {
                return Err(StoreError::Busy("it is opened again".to_owned()));
            };
            (guarded(|| work(store)), slot.opening)
        };
        if let Err(error @ (StoreError::Damaged(_) | StoreError::Failed(_))) = &outcome {
            self.close(opening, error);
        }
        outcome
    }

    fn open(&self) -> Result<(), StoreError> {
        if self.slot.read().unwrap_or_else(PoisonError::into_inner).store.is_some() {
            return Ok(());
        }
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.store.is_some() {
            return Ok(());
        }
        self.world.fs().create_dir_all(&self.config.store()).map_err(redb::Error::Io)?;
        if slot.lock.is_none() {
            slot.lock = Some(self.lock()?);
        }
        let opened = guarded(|| Store::open(&self.world, &self.path()));
        if let Err(StoreError::Damaged(reason)) = &opened {
            self.set_aside(reason);
        }
        slot.store = Some(opened?);
        slot.opening += 1;
        Ok(())
    }

    fn lock(&self) -> Result<Box<dyn Lock>, StoreError> {
        self.world.fs().lock(&self.config.store().join("LOCK")).map_err(|failure| match failure {
            LockFailure::Io(error) => redb::Error::Io(error).into(),
            LockFailure::Held(pid) => {
                let pid = pid.map_or("another process".to_owned(), |pid| format!("process {pid}"));
                StoreError::Busy(format!("{pid} counts into {} already", self.config.store().display()))
            }
        })
    }

    /// Closes a store that failed. What is damaged is renamed, so that the next one begins empty.
    fn close(&self, opening: u64, error: &StoreError) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.opening != opening || slot.store.is_none() {
            // Somebody else found it first.
            return;
        }
        // Closing writes, which may fail as well.
        let store = slot.store.take();
        let _ = guarded(|| {
            drop(store);
            Ok(())
        });
        if let StoreError::Damaged(reason) = error {
            self.set_aside(reason);
        }
    }

    fn set_aside(&self, reason: &str) {
        let (fs, path) = (self.world.fs(), self.path());
        let beside = |n: u32| path.with_file_name(format!("{FILE}.damaged-{n}"));
        let free = (1..).map(beside).find(|beside| matches!(fs.exists(beside), Ok(false) | Err(_)));
        let Some(beside) = free else { return };
        let moved = fs.rename(&path, &beside).and_then(|()| fs.sync_dir(&self.config.store()));
        match moved {
            Ok(()) => tracing::error!(
                reason,
                file = %beside.display(),
                "the counts are damaged: the file was set aside, what the queue still holds is counted anew"
            ),
            Err(error) => {
                tracing::error!(reason, %error, "the counts are damaged, and the file cannot be set aside")
            }
        }
    }

    /// Does `work` with the store on a thread of its own, since it blocks on files.
    pub(crate) async fn on_thread<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let core = self.clone();
        let job = Box::pin(async move {
            // Who asked may be gone.
            let _ = reply.send(core.with(work));
        });
        self.world.spawn_io("analytics", job).map_err(redb::Error::Io)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Busy("its thread ended".to_owned())))
    }
}

/// The library panics on some damaged pages.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is known");
        Err(StoreError::Damaged(format!("reading them panicked: {text}")))
    })
}
