//! A blocked Bloom filter: one cache line a question, 10 bits a key, about 1 % of false answers.

/// Bytes of a block, one cache line.
const BLOCK: usize = 64;
const BITS_PER_KEY: u64 = 10;
const PROBES: u32 = 7;

/// Says "surely not" or "perhaps".
pub(super) struct Filter(Vec<u8>);

fn halves(hash: &[u8; 16]) -> (u64, u64) {
    let value = u128::from_le_bytes(*hash);
    ((value >> 64) as u64, value as u64)
}

impl Filter {
    pub(super) fn sized_for(keys: u64) -> Self {
        let blocks = (keys * BITS_PER_KEY).div_ceil(BLOCK as u64 * 8).max(1);
        Self(vec![0; usize::try_from(blocks).unwrap_or(1) * BLOCK])
    }

    /// A filter from its bytes, if their number can be right.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (!bytes.is_empty() && bytes.len().is_multiple_of(BLOCK)).then_some(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn probes(&self, hash: &[u8; 16]) -> impl Iterator<Item = (usize, u8)> + use<> {
        let (high, low) = halves(hash);
        let blocks = (self.0.len() / BLOCK) as u128;
        let block = ((u128::from(high) * blocks) >> 64) as usize * BLOCK;
        (0..PROBES).map(move |n| {
            let bit = (low >> (n * 9)) as usize & (BLOCK * 8 - 1);
            (block + bit / 8, 1 << (bit % 8))
        })
    }

    pub(super) fn add(&mut self, hash: &[u8; 16]) {
        for (at, bit) in self.probes(hash) {
            if let Some(byte) = self.0.get_mut(at) {
                *byte |= bit;
            }
        }
    }

    pub(super) fn may_hold(&self, hash: &[u8; 16]) -> bool {
        self.probes(hash).all(|(at, bit)| self.0.get(at).is_some_and(|byte| byte & bit != 0))
    }
}
