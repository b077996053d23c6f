//! Walks runs side by side, in the order of their keys.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::ControlFlow;

use crate::agents::Agents;
use crate::chunk::{Kind, Packer, Place, Value, read};
use crate::codec::{Malformed, Take};
use crate::postings::{self, Posting};

/// A run, a chunk at a time.
pub trait Chunks {
    /// Why a chunk cannot be read.
    type Error: From<Malformed>;

    /// The next chunk, or none at the end.
    ///
    /// # Errors
    /// The chunk cannot be read.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// The sum of all entries of one key.
pub enum Sum<'a> {
    /// Different user agents.
    Agents(&'a Agents),
    /// Kind, key, and the counts, ascending by minute.
    Counts(Kind, &'a [u8], &'a [Posting]),
}

/// A run that is being read.
struct Cursor<C> {
    chunks: C,
    chunk: Vec<u8>,
    at: usize,
    place: Place,
    value: Value,
}

impl<C: Chunks> Cursor<C> {
    /// At the first entry; none if the run is empty.
    fn new(chunks: C) -> Result<Option<Self>, C::Error> {
        let place = Place { kind: Kind::Agents, key: Vec::new() };
        let value = Value::Counts(Vec::new());
        let mut cursor = Self { chunks, chunk: Vec::new(), at: 0, place, value };
        Ok(cursor.advance()?.then_some(cursor))
    }

    /// Goes to the next entry; answers whether there is one.
    fn advance(&mut self) -> Result<bool, C::Error> {
        while self.at == self.chunk.len() {
            let Some(chunk) = self.chunks.next()? else { return Ok(false) };
            (self.chunk, self.at) = (chunk, 0);
            self.place.key.clear();
        }
        let mut take = Take(self.chunk.get(self.at..).unwrap_or_default());
        self.value = read(&mut take, &mut self.place)?;
        self.at = self.chunk.len() - take.0.len();
        Ok(true)
    }
}

impl<C> PartialEq for Cursor<C> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<C> Eq for Cursor<C> {}

impl<C> PartialOrd for Cursor<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> Ord for Cursor<C> {
    /// Turned round: the heap's largest is the entry that comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.place.cmp(&self.place)
    }
}

/// Calls `each` with the sum of each key, in order, until it breaks. Keeps a chunk of each run in memory.
///
/// # Errors
/// A chunk cannot be read, or `each` failed.
pub fn walk<C: Chunks>(
    runs: Vec<C>,
    mut each: impl FnMut(&Sum<'_>) -> Result<ControlFlow<()>, C::Error>,
) -> Result<(), C::Error> {
    let mut heap = BinaryHeap::with_capacity(runs.len());
    for run in runs {
        heap.extend(Cursor::new(run)?.map(Box::new));
    }
    let mut place = Place { kind: Kind::Agents, key: Vec::new() };
    loop {
        let Some(first) = heap.peek_mut() else { return Ok(()) };
        place.clone_from(&first.place);
        let mut sum = take_value(first)?;
        while heap.peek().is_some_and(|cursor| cursor.place == place)
            && let Some(same) = heap.peek_mut()
        {
            add(&mut sum, take_value(same)?)?;
        }
        let sum = match &sum {
            Value::Agents(agents) => Sum::Agents(agents),
            Value::Counts(counts) => Sum::Counts(place.kind, &place.key, counts),
        };
        if each(&sum)?.is_break() {
            return Ok(());
        }
    }
}

fn take_value<C: Chunks>(mut cursor: PeekMut<'_, Box<Cursor<C>>>) -> Result<Value, C::Error> {
    let value = std::mem::replace(&mut cursor.value, Value::Counts(Vec::new()));
    if !cursor.advance()? {
        PeekMut::pop(cursor);
    }
    Ok(value)
}

fn add(sum: &mut Value, more: Value) -> Result<(), Malformed> {
    match (sum, more) {
        (Value::Agents(sum), Value::Agents(more)) => sum.merge(&more),
        (Value::Counts(sum), Value::Counts(more)) => postings::add(sum, &more),
        _ => return Err(Malformed("a key has counts of two kinds")),
    }
    Ok(())
}

/// Adds runs up to one, which is given away a chunk at a time.
///
/// # Errors
/// A chunk cannot be read or written.
pub fn merge<C: Chunks>(
    runs: Vec<C>,
    mut write: impl FnMut(Vec<u8>) -> Result<(), C::Error>,
) -> Result<(), C::Error> {
    let mut packer = Packer::default();
    walk(runs, |sum| {
        let done = match sum {
            Sum::Agents(agents) => packer.agents(agents),
            Sum::Counts(kind, key, counts) => packer.counts(*kind, key, counts),
        };
        done.map_or(Ok(()), &mut write)?;
        Ok(ControlFlow::Continue(()))
    })?;
    packer.finish().map_or(Ok(()), write)
}
