//! Which batch a request is.

use logmill_world::World;

/// A digest of 16 bytes (BLAKE3) over several parts.
#[must_use]
pub fn hash_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

/// A batch's public id, one of a UUID's versions (RFC 9562): 4 random, 8 made from the sender's key by our own rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId {
    /// The id.
    pub bytes: [u8; 16],
    /// What it was made from, if the sender gave a key.
    pub key: Option<[u8; 16]>,
}

impl BatchId {
    /// The id of a request with `key`, the same for the same `scope` (what kind of logs, whose); a random one without.
    #[must_use]
    pub fn of(world: &World, scope: &[&[u8]], key: Option<&str>) -> Self {
        let key = key.map(|key| hash_of(&[scope, &[key.as_bytes()]].concat()));
        let bytes = key.map_or_else(|| as_uuid(world.random_id(), 4), |hash| as_uuid(hash, 8));
        Self { bytes, key }
    }

    /// A number that spreads batches over partitions evenly.
    #[must_use]
    pub fn route(&self) -> u64 {
        u64::from_le_bytes(*self.bytes.first_chunk().unwrap_or(&[0; 8]))
    }
}

fn as_uuid(mut id: [u8; 16], version: u8) -> [u8; 16] {
    if let Some(byte) = id.get_mut(6) {
        *byte = (*byte & 0x0f) | version << 4;
    }
    if let Some(byte) = id.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    id
}
