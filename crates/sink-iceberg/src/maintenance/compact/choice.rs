//! Which small files of a day become one, or some large ones.
//!
//! In the background the largest of them is at most as large as the others together. So each time that a row is written again its
//! file at least doubles, and a row is written again some ten times at most, however small the files that it came in.

use super::inventory::Small;

/// The size that files should have, in bytes (`write.target-file-size-bytes` of the table).
pub(super) const TARGET: u64 = 256 << 20;
/// What is below three quarters of it is small.
pub(in crate::maintenance) const SMALL: u64 = TARGET / 4 * 3;
/// In the background so many files are worth the work.
const AT_LEAST: usize = 5;
/// Files that are merged at the same time.
const AT_MOST: usize = 512;
/// Memory that their readers may take, as far as it can be foreseen.
const MEMORY: u64 = 192 << 20;
/// A row group unpacked, of which a reader holds a page of each column at most.
const UNPACKED: u64 = 8;
const PAGES: u64 = 16 << 20;

/// How much is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// What pays in the background.
    Steady,
    /// All that makes the number of files smaller.
    Thorough,
}

/// Files of one day that are to be merged.
pub(super) fn due(mut files: Vec<&Small>, effort: Effort) -> Option<Vec<&Small>> {
    files.sort_by(|a, b| (a.bytes, &a.location).cmp(&(b.bytes, &b.location)));
    files.truncate(fitting(&files).max(2));
    match effort {
        Effort::Thorough => (files.len() >= 2).then_some(files),
        Effort::Steady => {
            let longest = (AT_LEAST..=files.len()).rev().find(|n| is_balanced(files.get(..*n)))?;
            files.truncate(longest);
            Some(files)
        }
    }
}

fn is_balanced(files: Option<&[&Small]>) -> bool {
    let Some([others @ .., largest]) = files else { return false };
    largest.bytes <= others.iter().map(|file| file.bytes).sum()
}

/// How many of them can be read at the same time.
fn fitting(files: &[&Small]) -> usize {
    let mut memory = 0;
    let fits = |file: &&&Small| {
        memory += file.group + (file.group * UNPACKED).min(PAGES);
        memory <= MEMORY
    };
    files.iter().take_while(fits).take(AT_MOST).count()
}

/// How many files are to be made of so many bytes.
pub(super) fn outputs(bytes: u64) -> u64 {
    ((bytes + TARGET / 2) / TARGET).max(1)
}
