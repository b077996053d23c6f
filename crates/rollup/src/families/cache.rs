use std::array;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128_with_secret;

use super::Families;
use crate::agents::agent_hash;

/// As many user agents are remembered, and so many names make the cache full.
pub(super) const REMEMBERED: usize = 16_384;

/// A family, by its place among the names of the cache that answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FamilyId(u32);

/// A user agent, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// The same for the same family.
    pub(crate) family: FamilyId,
    /// Its [`agent_hash`].
    pub(crate) hash: u64,
}

/// Remembers the families of 16,384 user agents, so that rules are tried once for each of them. Takes up to 1 MiB, and the
/// names.
///
/// An id is valid until [`FamilyCache::clear_if_full`] answers `true`. Up to then names are kept, however many they
/// are: who asks decides how long that is. Which user agents are remembered has no influence on any id.
///
/// User agents are told apart by a 128-bit hash whose secret is drawn anew for each cache: with one that is known, a
/// sender could make a text that passes for another sender's.
pub(crate) struct FamilyCache {
    families: Arc<Families>,
    secret: [u8; 192],
    agents: HashMap<u128, Agent, BuildHasherDefault<Hashed>>,
    ids: HashMap<Arc<str>, FamilyId>,
    names: Vec<Arc<str>>,
}

impl FamilyCache {
    /// An empty cache in front of these rules.
    pub(crate) fn new(families: Arc<Families>) -> Self {
        Self {
            families,
            secret: secret(),
            agents: HashMap::default(),
            ids: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// The family of this user agent, and its [`agent_hash`].
    #[inline]
    pub(crate) fn agent(&mut self, user_agent: &str) -> Agent {
        let hash = xxh3_128_with_secret(user_agent.as_bytes(), &self.secret);
        match self.agents.get(&hash) {
            Some(agent) => *agent,
            None => self.learn(hash, user_agent),
        }
    }

    #[cold]
    fn learn(&mut self, hash: u128, user_agent: &str) -> Agent {
        let agent = Agent { family: self.tried(user_agent), hash: agent_hash(user_agent) };
        if self.agents.len() >= REMEMBERED {
            self.agents.clear();
        }
        self.agents.insert(hash, agent);
        agent
    }

    /// The name of a family. An id that is no longer valid gets the name of some other family, or none.
    pub(crate) fn name(&self, id: FamilyId) -> &str {
        self.names.get(id.0 as usize).map_or("", |name| name)
    }

    /// Whether there are 16,384 names: time to stop holding ids, and to call [`FamilyCache::clear_if_full`].
    pub(crate) fn is_full(&self) -> bool {
        self.names.len() >= REMEMBERED
    }

    /// Forgets everything if the cache is full; answers whether it was. To be called when no ids are held.
    pub(crate) fn clear_if_full(&mut self) -> bool {
        let full = self.is_full();
        if full {
            self.agents.clear();
            self.ids.clear();
            self.names.clear();
        }
        full
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.agents.len()
    }

    fn tried(&mut self, user_agent: &str) -> FamilyId {
        let name = self.families.of(user_agent);
        if let Some(id) = self.ids.get(&*name) {
            return *id;
        }
        // As many names as four billion would take more memory than there is.
        let id = FamilyId(self.names.len() as u32);
        let name = Arc::<str>::from(name);
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }
}

/// Bytes that no sender knows, from the seed of the standard library's own tables.
fn secret() -> [u8; 192] {
    let random = RandomState::new();
    let mut words = (0..24u64).flat_map(|word| random.hash_one(word).to_le_bytes());
    array::from_fn(|_| words.next().unwrap_or_default())
}

/// The keys of the table are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}
