//! What the clients were told: the acknowledgement log, and everything that must not happen.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::batch::Batch;

/// Shared by all clients of a run.
#[derive(Clone, Debug)]
pub struct Acks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    log: Mutex<File>,
    complaints: Mutex<Vec<String>>,
    batches: AtomicU64,
    records: AtomicU64,
    repeated: AtomicU64,
}

impl Acks {
    /// Begins a log.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let log = Mutex::new(File::create(path)?);
        let zero = || AtomicU64::new(0);
        let (batches, records, repeated) = (zero(), zero(), zero());
        let (path, complaints) = (path.to_owned(), Mutex::default());
        Ok(Self(Arc::new(Inner { path, log, complaints, batches, records, repeated })))
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// One line: client, batch, first and last sequence number, customer, key or `-`, answer. The last line of a
    /// batch counts.
    pub(super) fn write(&self, batch: &Batch, answer: &str) {
        let Batch { client, number, first, .. } = batch;
        let last = first + u64::from(batch.records) - 1;
        let customer = batch.customer.unwrap_or("default");
        let key = batch.key.as_deref().unwrap_or("-");
        let line = format!("{client}\t{number}\t{first}-{last}\t{customer}\t{key}\t{answer}\n");
        self.0.log.lock().unwrap().write_all(line.as_bytes()).expect("the acknowledgements can be written");
    }

    pub(super) fn acknowledged(&self, batch: &Batch) {
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        self.0.records.fetch_add(batch.records.into(), Ordering::Relaxed);
    }

    pub(super) fn repeated(&self) {
        self.0.repeated.fetch_add(1, Ordering::Relaxed);
    }

    /// Something happened that must not happen.
    pub(super) fn complain(&self, complaint: String) {
        eprintln!("WRONG: {complaint}");
        self.0.complaints.lock().unwrap().push(complaint);
    }

    /// Everything that must not have happened.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.0.complaints.lock().unwrap().clone()
    }

    /// Batches and records that were acknowledged, and repetitions that were answered with 200.
    #[must_use]
    pub fn figures(&self) -> (u64, u64, u64) {
        let inner = &self.0;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (get(&inner.batches), get(&inner.records), get(&inner.repeated))
    }
}
