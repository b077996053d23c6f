//! OpenTelemetry requests as rows of the table `logs`.
//!
//! [`Rows`] keeps the requests as they came, with a short entry for each record: its day, its time, its resource and scope.
//! Columns are built only while a file is written, by [`batches`], in the table's order and some megabytes at a time.
//! Arrow columns that fill up while records arrive would take half as much memory again (each row repeats its resource),
//! the whole once more to bring them into order, and a set of half-empty buffers for each day that is open.
//!
//! # What becomes of a record
//!
//! - Time: `time_unix_nano`, else `observed_time_unix_nano`, else the frame's `received_at`. Before `received_at` - past or
//!   after `received_at` + future (both still inside) it is `received_at`, and the number that was sent becomes the attribute
//!   `logmill.time_unix_nano`, instead of one of this name that was sent.
//! - Absent: empty `severity_text`, `event_name` and scope names, severity number 0, ids that are absent, all zero or of
//!   another length. An empty string value was sent, and stays.
//! - An empty value is null: as a body, and as an attribute, whose key is then not in the map; it still takes away what an
//!   attribute of the same key would say in scope or resource.
//! - Attributes: of equal keys in one list the last counts, then record over scope over resource. What fills a column is not
//!   in the map again; of the two names of the environment only the one that fills it is left out. Records and scopes may have
//!   such keys, which stay in the map. The map is sorted by key.
//! - Values that are no strings are JSON, in columns and in the map (`logmill_otlp::Value::write_text`).
//! - What is no UTF-8 has U+FFFD for each part that is none.

mod attributes;
mod columns;
mod context;
mod merge;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use logmill_otlp::{Invalid, Limits, Record, Resource, Scope, Visitor, locate};
use logmill_world::Micros;

use context::{ContextId, Contexts};

pub use columns::schema;
pub use merge::{Batches, Counts, batches};
pub use time::Window;

/// Longest payload. The rows of one frame stay below the 2 GiB that a column of Arrow can hold, also where JSON writes six
/// bytes for one.
const MAX_PAYLOAD: usize = 256 << 20;

/// What a frame takes beside its payload: the header that was read with it, and what tells where it is.
const BESIDE: usize = 256;

/// Where a record is, and what it is sorted by.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Nanoseconds since 1970 as the table has them.
    nanos: i64,
    context: ContextId,
    frame: u32,
    start: u32,
    end: u32,
}

/// The records of many frames, until they are written.
#[derive(Debug, Default)]
pub struct Rows {
    window: Window,
    collected: Collected,
}

/// Records that are complete: [`batches`] makes rows of them, as often as it takes.
#[derive(Debug, Default)]
pub struct Collected {
    frames: Vec<Bytes>,
    contexts: Contexts,
    /// By days since 1970-01-01, in the order of arrival.
    days: BTreeMap<i32, Vec<Entry>>,
    payload: u64,
    rows: u64,
}

impl Rows {
    /// No records yet.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self { window, collected: Collected::default() }
    }

    /// Adds the records of a frame, all or none; answers how many. The payload is kept as it is, with what lies around it in memory.
    ///
    /// # Errors
    /// What is wrong with the request, where: it belongs to the dead letters. Nothing of it was added.
    pub fn append(&mut self, payload: &Bytes, received_at: Micros) -> Result<u64, Invalid> {
        if payload.len() > MAX_PAYLOAD {
            let reason =
                format!("the request has {} bytes, at most {MAX_PAYLOAD} can be stored", payload.len());
            return Err(Invalid { at: 0, path: String::new(), reason: reason.into() });
        }
        let frame = u32::try_from(self.collected.frames.len()).unwrap_or(u32::MAX);
        let before = self.collected.rows;
        let mut adding = Adding {
            window: self.window.around(received_at),
            collected: &mut self.collected,
            frame,
            context: ContextId::default(),
        };
        locate(payload, &Limits::READING, &mut adding)?;
        let added = self.collected.rows - before;
        self.collected.payload += payload.len() as u64;
        if added > 0 {
            self.collected.frames.push(payload.clone());
        }
        Ok(added)
    }

    /// What was added until now.
    #[must_use]
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// Gives away all records and begins anew.
    pub fn finish(&mut self) -> Collected {
        std::mem::take(&mut self.collected)
    }
}

impl Collected {
    /// Memory that the records take, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        let entries: usize = self.days.values().map(Vec::capacity).sum();
        let frames: usize = self.frames.iter().map(|frame| frame.len() + BESIDE).sum();
        frames + entries * size_of::<Entry>() + self.contexts.held()
    }

    /// The days that records are of, since 1970-01-01, ascending.
    pub fn days(&self) -> impl ExactSizeIterator<Item = i32> + '_ {
        self.days.keys().copied()
    }

    /// Bytes of the payloads that were added.
    #[must_use]
    pub fn payload(&self) -> u64 {
        self.payload
    }

    /// Records that were added.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn of_day(&self, day: i32) -> &[Entry] {
        self.days.get(&day).map(Vec::as_slice).unwrap_or_default()
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        let frame: &[u8] = self.frames.get(entry.frame as usize).map(|frame| &**frame).unwrap_or_default();
        frame.get(entry.start as usize..entry.end as usize).unwrap_or_default()
    }
}

/// Writes down where the records of a frame are.
struct Adding<'a> {
    window: time::Around,
    collected: &'a mut Collected,
    frame: u32,
    context: ContextId,
}

impl Visitor for Adding<'_> {
    fn resource(&mut self, resource: &Resource<'_>) {
        self.collected.contexts.resource(resource);
    }

    fn scope(&mut self, scope: &Scope<'_>) {
        self.context = self.collected.contexts.scope(scope);
    }

    fn record(&mut self, record: &Record<'_>) {
        let nanos = self.window.nanos(record);
        let Range { start, end } = record.place();
        // A payload is shorter than 4 GiB.
        let (start, end) = (start as u32, end as u32);
        let entry = Entry { nanos, context: self.context, frame: self.frame, start, end };
        self.collected.days.entry(time::day(nanos)).or_default().push(entry);
        self.collected.rows += 1;
    }
}
