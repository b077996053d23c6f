//! The names of objects.

use std::fmt::Write;

use crate::calendar::Civil;
use crate::claim::{Claim, Target};

/// The key of a target's object: prefix, time of its oldest record, and 16 digits that follow from stream, number and target, so that the same
/// claim always has the same key. `again` is 0, or how many keys before it others had taken. A time outside of the years 0 to 9999 is that of 1970.
#[must_use]
pub fn key(claim: &Claim, target: &Target, again: u32) -> Vec<u8> {
    let mut name = String::new();
    // Writing into memory cannot fail.
    if let Some(Civil { year, month, day, time: [hour, minute, second] }) =
        Civil::of(target.oldest).or_else(|| Civil::of(0))
    {
        let _ = write!(name, "{year:04}-{:02}-{day:02}-{hour:02}-{minute:02}-{second:02}-", month + 1);
    }
    let _ = write!(name, "{:016X}", digest(claim, target));
    if again > 0 {
        let _ = write!(name, "-{again}");
    }
    [&target.prefix, name.as_bytes()].concat()
}

/// Texts with their lengths, so that no two of them run into each other.
fn digest(claim: &Claim, target: &Target) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for text in [claim.stream.bucket.as_bytes(), &target.bucket, &target.prefix] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
    }
    hasher.update(&claim.stream.session.to_le_bytes()).update(&claim.seq.to_le_bytes());
    let mut digest = [0; 8];
    hasher.finalize_xof().fill(&mut digest);
    u64::from_be_bytes(digest)
}
