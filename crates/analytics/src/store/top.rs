//! The largest keys of a window.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use logmill_rollup::OTHER;

/// The worst of those that are kept is at the top of the heap: the smallest count, and of those the last key.
type Entry = (Reverse<u64>, Vec<u8>);

/// Keeps the largest keys, by count and then by key.
#[derive(Debug, Default)]
pub(super) struct Top {
    limit: usize,
    kept: BinaryHeap<Entry>,
    other: u64,
}

/// Memory of a key beside its bytes, about.
const ENTRY: usize = 32;

impl Top {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes one key, which does not come again. Answers by how many bytes the memory has grown or, if negative, shrunk.
    pub(super) fn push(&mut self, key: &[u8], count: u64) -> isize {
        if key == OTHER.as_bytes() || self.limit == 0 {
            self.other += count;
            return 0;
        }
        if self.kept.len() < self.limit {
            self.kept.push((Reverse(count), key.to_vec()));
            return size(key);
        }
        let Some(mut worst) = self.kept.peek_mut() else { return 0 };
        if (Reverse(count), key) >= (worst.0, worst.1.as_slice()) {
            self.other += count;
            return 0;
        }
        let change = size(key) - size(&worst.1);
        self.other += worst.0.0;
        *worst = (Reverse(count), key.to_vec());
        change
    }

    /// The keys, the largest first, and the sum of all others.
    pub(super) fn finish(self) -> (Vec<(String, u64)>, u64) {
        // A key is made of texts; what is no text any more is shown as far as it is one.
        let text = |key: Vec<u8>| {
            String::from_utf8(key).unwrap_or_else(|key| String::from_utf8_lossy(key.as_bytes()).into_owned())
        };
        let sorted = self.kept.into_sorted_vec();
        (sorted.into_iter().map(|(count, key)| (text(key), count.0)).collect(), self.other)
    }
}

fn size(key: &[u8]) -> isize {
    (key.len() + ENTRY).cast_signed()
}
