//! Distinct user agents, as a sum that can be merged.
//!
//! The bytes of a sum, format 1 and 2 in the first byte:
//!
//! | byte | then | |
//! |---|---|---|
//! | 1 | at most 4,096 hashes, each a u64, little-endian, ascending | exact |
//! | 2 | 16,384 registers of a byte, each 0 to 51, not all 0 | approximate |

mod estimate;
#[cfg(test)]
mod tests;

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// As many distinct hashes are kept as they are.
const EXACT: usize = 4_096;

/// The high bits of a hash that choose its register.
const INDEX_BITS: u32 = 14;

const REGISTERS: usize = 1 << INDEX_BITS;

/// The highest rank: all bits behind the index are zero.
const HIGHEST: u8 = (u64::BITS - INDEX_BITS + 1) as u8;

const FORMAT_HASHES: u8 = 1;
const FORMAT_REGISTERS: u8 = 2;

/// The hash by which user agents are told apart: XXH3 with 64 bits, seed 0, of the whole text. It never changes: counts of years ago
/// are merged with those of today.
pub fn agent_hash(user_agent: &str) -> u64 {
    xxh3_64(user_agent.as_bytes())
}

/// How many distinct user agents there are, by their hashes: exact up to 4,096, beyond it HyperLogLog with 16,384 registers
/// (0.8 % standard error).
///
/// The same hashes make the same sum in any order, any number of times, and split and merged in any way: it is registers if
/// there were more than 4,096 distinct ones, and never goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agents(Kept);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Hashes(HashSet<u64>),
    Registers(Box<[u8]>),
}

/// Why bytes are not a sum of distinct user agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentsError {
    /// The first byte is missing, or names no format that this version knows.
    #[error("distinct user agents: no format that is known")]
    Format,
    /// There are too few or too many bytes.
    #[error("distinct user agents: {0} bytes, which no sum has")]
    Length(usize),
    /// Hashes do not ascend.
    #[error("distinct user agents: hashes that do not ascend")]
    Order,
    /// A register is above 51, or all are 0.
    #[error("distinct user agents: registers that no hashes make")]
    Register,
}

impl Default for Agents {
    fn default() -> Self {
        Self::new()
    }
}

impl Agents {
    /// No user agent yet.
    pub fn new() -> Self {
        Self(Kept::Hashes(HashSet::new()))
    }

    /// Adds a user agent by its [`agent_hash`].
    pub fn insert(&mut self, hash: u64) {
        match &mut self.0 {
            Kept::Registers(registers) => raise(registers, hash),
            Kept::Hashes(hashes) => {
                if hashes.insert(hash) && hashes.len() > EXACT {
                    self.0 = Kept::Registers(registers(hashes));
                }
            }
        }
    }

    /// Adds the user agents of the other sum.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Kept::Hashes(hashes)) => hashes.iter().for_each(|hash| self.insert(*hash)),
            (Kept::Registers(mine), Kept::Registers(theirs)) => highest(mine, theirs),
            (Kept::Hashes(hashes), Kept::Registers(theirs)) => {
                let mut mine = registers(hashes);
                highest(&mut mine, theirs);
                self.0 = Kept::Registers(mine);
            }
        }
    }

    /// How many there are, and whether that is approximate.
    pub fn count(&self) -> (u64, bool) {
        match &self.0 {
            Kept::Hashes(hashes) => (hashes.len() as u64, false),
            // That there are more than are kept exactly is known.
            Kept::Registers(registers) => (estimate::distinct(registers).max(EXACT as u64 + 1), true),
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Kept::Hashes(hashes) if hashes.is_empty())
    }

    /// About how many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        let behind = match &self.0 {
            // A table is filled to seven eighths; an entry is a hash and a byte.
            Kept::Hashes(hashes) => hashes.capacity() * 8 / 7 * 9,
            Kept::Registers(registers) => registers.len(),
        };
        size_of::<Self>() + behind
    }

    /// Appends its bytes. Equal sums have equal bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Kept::Hashes(hashes) => {
                let mut sorted = hashes.iter().copied().collect::<Vec<_>>();
                sorted.sort_unstable();
                out.push(FORMAT_HASHES);
                sorted.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Kept::Registers(registers) => {
                out.push(FORMAT_REGISTERS);
                out.extend_from_slice(registers);
            }
        }
    }

    /// Reads what [`Agents::encode`] wrote.
    ///
    /// # Errors
    ///
    /// The bytes are none that `encode` writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, AgentsError> {
        match bytes.split_first() {
            Some((&FORMAT_HASHES, hashes)) => read_hashes(hashes).map(Kept::Hashes).map(Self),
            Some((&FORMAT_REGISTERS, registers)) => read_registers(registers).map(Kept::Registers).map(Self),
            _ => Err(AgentsError::Format),
        }
    }
}

fn registers(hashes: &HashSet<u64>) -> Box<[u8]> {
    let mut registers = vec![0; REGISTERS].into_boxed_slice();
    hashes.iter().for_each(|hash| raise(&mut registers, *hash));
    registers
}

/// A register keeps the highest rank of its hashes: the place of the first bit that is set behind the index.
fn raise(registers: &mut [u8], hash: u64) {
    let index = (hash >> (u64::BITS - INDEX_BITS)) as usize;
    let rank = ((hash << INDEX_BITS).leading_zeros() as u8 + 1).min(HIGHEST);
    registers[index] = registers[index].max(rank);
}

fn highest(mine: &mut [u8], theirs: &[u8]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = (*mine).max(*theirs);
    }
}

fn read_hashes(bytes: &[u8]) -> Result<HashSet<u64>, AgentsError> {
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || words.len() > EXACT {
        return Err(AgentsError::Length(bytes.len() + 1));
    }
    let hashes = || words.iter().map(|word| u64::from_le_bytes(*word));
    if hashes().is_sorted_by(|a, b| a < b) { Ok(hashes().collect()) } else { Err(AgentsError::Order) }
}

fn read_registers(bytes: &[u8]) -> Result<Box<[u8]>, AgentsError> {
    if bytes.len() != REGISTERS {
        return Err(AgentsError::Length(bytes.len() + 1));
    }
    let possible = bytes.iter().all(|rank| *rank <= HIGHEST) && bytes.iter().any(|rank| *rank > 0);
    if possible { Ok(bytes.into()) } else { Err(AgentsError::Register) }
}
