//! The objects of a claim, as its rows come.

mod key;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::mem;

use crate::claim::{Claim, Target};
use crate::line::{self, Format};
use crate::rows::Row;

pub use key::key;

/// What became of the records of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built {
    /// All of them are there.
    Object {
        /// By the targets of the claim.
        target: usize,
        /// The lines.
        bytes: Vec<u8>,
    },
    /// Some are not there, so that there is no object.
    Incomplete {
        /// By the targets of the claim.
        target: usize,
        /// How many there are.
        found: u64,
    },
}

/// Takes the rows between the ends of a claim, in the order of `(target, startTime, req_id, hash)`, and leaves out those that others claimed.
/// Memory: the lines of one target, and 32 bytes a record.
#[derive(Debug)]
pub struct Builder<'c> {
    claim: &'c Claim,
    format: Format,
    /// How often each record is still to come.
    wanted: HashMap<u64, u32>,
    /// The target that is being built.
    target: usize,
    found: u64,
    bytes: Vec<u8>,
}

impl<'c> Builder<'c> {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(claim: &'c Claim, format: Format) -> Self {
        let mut wanted = HashMap::with_capacity(claim.hashes.len());
        claim.hashes.iter().for_each(|hash| *wanted.entry(*hash).or_default() += 1);
        Self { claim, format, wanted, target: 0, found: 0, bytes: Vec::new() }
    }

    /// Takes a row; answers the targets that are complete with it, or cannot become so.
    pub fn take(&mut self, row: &Row<'_>) -> Vec<Built> {
        let Some(left) = self.wanted.get_mut(&row.hash).filter(|left| **left > 0) else { return Vec::new() };
        *left -= 1;
        let mut built = Vec::new();
        while self
            .current()
            .is_some_and(|target| target.bucket != row.target_bucket || target.prefix != row.target_prefix)
        {
            built.push(self.next());
        }
        self.found += 1;
        line::write(row, self.format, &mut self.bytes);
        built
    }

    /// The targets that are left when all rows have come.
    #[must_use]
    pub fn end(mut self) -> Vec<Built> {
        let mut built = Vec::new();
        while self.current().is_some() {
            built.push(self.next());
        }
        built
    }

    fn current(&self) -> Option<&'c Target> {
        self.claim.targets.get(self.target)
    }

    /// Ends a target and begins the one after it.
    fn next(&mut self) -> Built {
        let wanted = self.current().map_or(0, |target| target.records);
        let (target, found, bytes) = (self.target, mem::take(&mut self.found), mem::take(&mut self.bytes));
        self.target += 1;
        if found == wanted { Built::Object { target, bytes } } else { Built::Incomplete { target, found } }
    }
}
