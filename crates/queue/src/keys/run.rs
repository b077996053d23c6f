//! A sorted run of keys on disk. FORMAT.md has the layout.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use logmill_world::{File, Fs, Mode};

use super::filter::Filter;
use super::{Hash, Seen};
use crate::codec::{Malformed, Put, Take};
use crate::contract::Partition;

const MAGIC: [u8; 4] = *b"LMK1";
const HEADER: usize = 64;
/// Bytes of a block, checksum included.
const BLOCK: usize = 4096;
const ENTRY: usize = 40;
/// Entries of a full block.
pub(super) const PER_BLOCK: usize = (BLOCK - 4) / ENTRY;
/// Blocks written at once.
const FLUSH: usize = 64 * BLOCK;

/// An open run: filter and fences in memory, entries on disk.
pub(crate) struct Run {
    pub(super) path: PathBuf,
    pub(super) len: u64,
    /// The latest arrival, in seconds: behind the horizon the run is dropped whole.
    pub(super) newest: u32,
    file: Box<dyn File>,
    filter: Filter,
    /// The first eight bytes of each block's first key.
    fences: Vec<u64>,
    blocks_at: u64,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} of a run of keys is damaged"))
}

fn prefix(hash: &Hash) -> u64 {
    hash.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn read(file: &dyn File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let n = file.read_at(&mut bytes, at)?;
    if n == len { Ok(bytes) } else { Err(damaged("the length")) }
}

fn put_entry(out: &mut Vec<u8>, hash: &Hash, seen: &Seen) {
    out.put(hash);
    out.put(&seen.digest);
    out.put_u32(seen.received);
    out.put_u32(seen.accepted);
    // 48 bits of offset: at a million frames a second they last for nine years a partition.
    out.put_u64(seen.offset << 16 | u64::from(seen.partition.0));
}

fn take_entry(take: &mut Take<'_>) -> Result<(Hash, Seen), Malformed> {
    let (hash, digest) = (take.array()?, take.array()?);
    let (received, accepted, place) = (take.u32()?, take.u32()?, take.u64()?);
    let partition = Partition((place & 0xffff) as u16);
    Ok((hash, Seen { digest, received, accepted, partition, offset: place >> 16 }))
}

impl Run {
    pub(super) fn open(fs: &dyn Fs, path: &Path) -> io::Result<Self> {
        let file = fs.open(path, Mode::Read)?;
        let head = read(&*file, 0, HEADER)?;
        let (filter_len, fences_len, len, newest, crc) =
            parse_header(&head).map_err(|_| damaged("the header"))?;
        if file.len()? < HEADER as u64 + filter_len + fences_len {
            return Err(damaged("the length"));
        }
        let bytes = read(&*file, HEADER as u64, (filter_len + fences_len) as usize)?;
        if crc32c::crc32c(&bytes) != crc {
            return Err(damaged("the filter"));
        }
        let (filter, fences) =
            bytes.split_at_checked(filter_len as usize).ok_or_else(|| damaged("the filter"))?;
        let blocks = usize::try_from(len.div_ceil(PER_BLOCK as u64)).unwrap_or(usize::MAX);
        let fences = fences.as_chunks().0.iter().take(blocks);
        let fences = fences.map(|chunk| u64::from_le_bytes(*chunk)).collect();
        Ok(Self {
            path: path.to_path_buf(),
            len,
            newest,
            file,
            filter: Filter::from_bytes(filter.to_vec()).ok_or_else(|| damaged("the filter"))?,
            fences,
            blocks_at: HEADER as u64 + filter_len + fences_len,
        })
    }

    /// Looks a key up.
    ///
    /// # Errors
    /// The block cannot be read, or its checksum does not hold.
    pub(super) fn find(&self, hash: &Hash) -> io::Result<Option<Seen>> {
        if !self.filter.may_hold(hash) {
            return Ok(None);
        }
        let wanted = prefix(hash);
        // Keys with the same first bytes may begin in the block before.
        let first = self.fences.partition_point(|fence| *fence < wanted).saturating_sub(1);
        let end = self.fences.partition_point(|fence| *fence <= wanted);
        for block in first..end {
            let entries = self.block(block)?;
            if let Ok(at) = entries.binary_search_by_key(hash, |(hash, _)| *hash) {
                return Ok(entries.get(at).map(|(_, seen)| *seen));
            }
        }
        Ok(None)
    }

    pub(super) fn blocks(&self) -> usize {
        self.fences.len()
    }

    pub(super) fn block(&self, block: usize) -> io::Result<Vec<(Hash, Seen)>> {
        let bytes = read(&*self.file, self.blocks_at + (block * BLOCK) as u64, BLOCK)?;
        let before = (block * PER_BLOCK) as u64;
        let n = self.len.saturating_sub(before).min(PER_BLOCK as u64);
        let (body, crc) = bytes.split_at_checked(BLOCK - 4).ok_or_else(|| damaged("a block"))?;
        if Take(crc).u32() != Ok(crc32c::crc32c(body)) {
            return Err(damaged("a block"));
        }
        let mut take = Take(body);
        (0..n).map(|_| take_entry(&mut take)).collect::<Result<_, _>>().map_err(|_| damaged("a block"))
    }
}

fn parse_header(head: &[u8]) -> Result<(u64, u64, u64, u32, u32), Malformed> {
    let mut take = Take(head);
    if take.array()? != MAGIC || take.u32()? != crc32c::crc32c(take.0) {
        return Err(Malformed);
    }
    Ok((take.u64()?, take.u64()?, take.u64()?, take.u32()?, take.u32()?))
}

/// Writes a run of at most `expected` ascending entries.
pub(super) fn write(
    fs: &dyn Fs,
    path: &Path,
    expected: u64,
    entries: impl Iterator<Item = io::Result<(Hash, Seen)>>,
) -> io::Result<Run> {
    let beside = path.with_extension("tmp");
    let written = write_beside(fs, &beside, expected, entries);
    if written.is_err() {
        // Each attempt has a name of its own: on a full disk they would add up.
        let _ = fs.remove(&beside);
    }
    written?;
    fs.rename(&beside, path)?;
    fs.sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Run::open(fs, path)
}

fn write_beside(
    fs: &dyn Fs,
    beside: &Path,
    expected: u64,
    entries: impl Iterator<Item = io::Result<(Hash, Seen)>>,
) -> io::Result<()> {
    let blocks = expected.div_ceil(PER_BLOCK as u64);
    let mut filter = Filter::sized_for(expected);
    let filter_len = filter.bytes().len() as u64;
    let file = fs.open(beside, Mode::Create)?;
    file.set_len(0)?;
    let blocks_at = HEADER as u64 + filter_len + blocks * 8;
    let mut body = Body { file: &*file, at: blocks_at, block: Vec::new(), out: Vec::new() };
    let (mut fences, mut len, mut newest) = (Vec::new(), 0u64, 0);
    for entry in entries {
        let (hash, seen) = entry?;
        if len.is_multiple_of(PER_BLOCK as u64) {
            body.end_block()?;
            fences.push(prefix(&hash));
        }
        put_entry(&mut body.block, &hash, &seen);
        filter.add(&hash);
        newest = newest.max(seen.received);
        len += 1;
    }
    body.end_block()?;
    body.flush()?;
    // Fewer entries than expected leave the area of the fences longer than needed; it is filled up so that
    // the place of the blocks stays where it is.
    let mut index = Vec::new();
    fences.iter().for_each(|fence| index.put_u64(*fence));
    index.resize(blocks as usize * 8, 0xff);
    write_head(&*file, &filter, &index, len, newest)?;
    file.sync_data()
}

fn write_head(file: &dyn File, filter: &Filter, fences: &[u8], len: u64, newest: u32) -> io::Result<()> {
    let crc = crc32c::crc32c_append(crc32c::crc32c(filter.bytes()), fences);
    let mut rest = Vec::new();
    rest.put_u64(filter.bytes().len() as u64);
    rest.put_u64(fences.len() as u64);
    rest.put_u64(len);
    rest.put_u32(newest);
    rest.put_u32(crc);
    rest.resize(HEADER - 8, 0);
    let mut head = MAGIC.to_vec();
    head.put_u32(crc32c::crc32c(&rest));
    head.put(&rest);
    file.write_at(&[IoSlice::new(&head), IoSlice::new(filter.bytes()), IoSlice::new(fences)], 0)
}

/// The blocks of a run while they are written.
struct Body<'a> {
    file: &'a dyn File,
    at: u64,
    block: Vec<u8>,
    out: Vec<u8>,
}

impl Body<'_> {
    fn end_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.block.resize(BLOCK - 4, 0);
        let crc = crc32c::crc32c(&self.block);
        self.out.put(&self.block);
        self.out.put_u32(crc);
        self.block.clear();
        if self.out.len() >= FLUSH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&[IoSlice::new(&self.out)], self.at)?;
        self.at += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }
}
