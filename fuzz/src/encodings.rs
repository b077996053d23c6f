//! Compressed bodies. The file that inflates them is taken in by its path: its crate keeps it to itself.
//!
//! The first byte says what is done, the second how long the chunks are, the rest are the bytes.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

#[path = "../../crates/http/src/inflate.rs"]
mod inflate;

use inflate::{Bad, Coding, Inflater};

/// From here on the ratio counts, and a body may be refused by how it was cut into chunks.
const FREE: usize = 1 << 20;
/// Far beyond it, to meet bombs.
const LARGE: usize = 8 << 20;
/// Most bytes that are made of the input before they are compressed.
const MOST: usize = 16 << 10;

/// Inflating never gives more than its limit nor other bytes than were compressed, however the body is cut.
pub fn check(data: &[u8]) {
    let &[what, step, ref bytes @ ..] = data else { return };
    let coding = [Coding::Gzip, Coding::Deflate, Coding::Zstd, Coding::Identity][usize::from(what & 3)];
    let chunk = usize::from(step) + 1;
    match what >> 2 & 1 {
        0 => foreign(coding, bytes, chunk),
        _ => ours(coding, bytes, chunk, what >> 3),
    }
}

/// Inflates a body in chunks. All the while it takes no more memory than twice its limit.
fn inflate(coding: Coding, body: &[u8], chunk: usize, limit: usize) -> Result<Vec<u8>, Bad> {
    let mut inflater = Inflater::new(coding, limit, body.len())?;
    for part in body.chunks(chunk) {
        let pushed = inflater.push(part);
        assert!(
            inflater.capacity() <= 2 * limit.max(8),
            "{} bytes for a limit of {limit}",
            inflater.capacity()
        );
        pushed?;
    }
    let bytes = inflater.finish()?;
    assert!(bytes.len() <= limit, "{} bytes over a limit of {limit}", bytes.len());
    assert!(bytes.len() <= FREE || bytes.len() / 500 <= body.len(), "a bomb of {} bytes", bytes.len());
    Ok(bytes)
}

/// Bytes from somewhere: what they mean does not depend on the chunks, and others read the same.
fn foreign(coding: Coding, body: &[u8], chunk: usize) {
    let whole = inflate(coding, body, body.len().max(1), FREE);
    for length in [chunk, 1] {
        assert_eq!(inflate(coding, body, length, FREE).ok(), whole.clone().ok(), "chunks of {length}");
    }
    let small = inflate(coding, body, chunk, 100);
    assert_eq!(small.is_ok(), whole.as_ref().is_ok_and(|bytes| bytes.len() <= 100), "{small:?}");
    if let Ok(bytes) = &whole {
        assert_eq!(bytes, &others(coding, body).expect("another decoder reads it"));
    }
    let _ = inflate(coding, body, chunk, LARGE);
}

/// What other decoders read.
fn others(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match coding {
        Coding::Identity => out.extend_from_slice(body),
        Coding::Gzip => drop(MultiGzDecoder::new(body).read_to_end(&mut out)?),
        Coding::Deflate => drop(ZlibDecoder::new(body).read_to_end(&mut out)?),
        Coding::Zstd => drop(zstd::stream::read::Decoder::new(body)?.read_to_end(&mut out)?),
    }
    Ok(out)
}

/// Bytes that were compressed come out again, in one or two pieces; one byte less of room is too little.
fn ours(coding: Coding, seed: &[u8], chunk: usize, how: u8) {
    let repeat = if how & 1 == 0 { 1 } else { 37 };
    let bytes: Vec<u8> = seed.iter().copied().cycle().take((seed.len() * repeat).min(MOST)).collect();
    let level = u32::from(how >> 1 & 7) + 1;
    let two = how & 16 != 0 && coding != Coding::Deflate;
    let (first, second) = bytes.split_at(if two { bytes.len() / 2 } else { bytes.len() });
    let mut body = pack(coding, first, level).expect("memory takes all");
    if two {
        body.extend(pack(coding, second, level).expect("memory takes all"));
    }
    assert_eq!(inflate(coding, &body, chunk, MOST).as_deref(), Ok(&*bytes));
    assert_eq!(inflate(coding, &body, chunk, bytes.len()).as_deref(), Ok(&*bytes));
    if let Some(less) = bytes.len().checked_sub(1) {
        assert_eq!(inflate(coding, &body, chunk, less), Err(Bad::TooLarge));
    }
    if coding != Coding::Identity {
        let cut = inflate(coding, &body[..body.len() - 1], chunk, MOST);
        assert_eq!(cut, Err(Bad::Corrupt), "its last byte is missing");
    }
}

fn pack(coding: Coding, bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(bytes.to_vec()),
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Zstd => {
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), level.cast_signed())?;
            encoder.include_checksum(true)?;
            encoder.write_all(bytes)?;
            encoder.finish()
        }
    }
}
