//! Inflating a body while it arrives, bounded in size and ratio.

use std::io::{self, Write};

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

/// Beyond `RATIO_FROM` bytes a body may inflate to this many times what came.
const MAX_RATIO: usize = 500;
const RATIO_FROM: usize = 1 << 20;
/// zstd may ask for so large a window (2^n bytes), as RFC 8878 advises receivers to allow.
const WINDOW_LOG: u32 = 23;
/// zstd inflates in steps of so many bytes.
const STEP: usize = 64 * 1024;
/// The window of gzip and zlib (2^n bytes), the largest that there is.
const DEFLATE_WINDOW: u8 = 15;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// RFC 8878.
    Zstd,
}

/// Why a body cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Larger than a batch may be.
    TooLarge,
    /// It inflates more than honest logs do.
    Bomb,
    /// Cut short, or not what its encoding says.
    Corrupt,
}

/// Bytes up to a limit. What goes beyond it fails the write.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl Bounded {
    /// Makes room for `more` bytes, within the limit. As a vector grows, but never beyond the limit: what it takes is reserved.
    fn make_room(&mut self, more: usize) {
        let len = self.bytes.len() + more;
        if len > self.bytes.capacity() {
            let wanted = len.max(self.bytes.capacity() * 2).min(self.limit);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.limit {
            self.over = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.make_room(more.len());
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    Identity(Bounded),
    Gzip { raw: Decompress, out: Bounded, complete: bool },
    Deflate { raw: Decompress, out: Bounded, complete: bool },
    Zstd { raw: raw::Decoder<'static>, out: Bounded, complete: bool },
}

/// A body on its way from the wire to memory.
pub(crate) struct Inflater {
    decoder: Decoder,
    came: usize,
}

impl Inflater {
    /// An inflater for at most `limit` bytes; `expected` of them get their place at once.
    pub(crate) fn new(coding: Coding, limit: usize, expected: usize) -> Result<Self, Bad> {
        let out = Bounded { bytes: Vec::with_capacity(expected.min(limit)), limit, over: false };
        let decoder = match coding {
            Coding::Identity => Decoder::Identity(out),
            Coding::Gzip => Decoder::Gzip { raw: Decompress::new_gzip(DEFLATE_WINDOW), out, complete: false },
            Coding::Deflate => Decoder::Deflate { raw: Decompress::new(true), out, complete: false },
            Coding::Zstd => {
                let mut raw = raw::Decoder::new().map_err(|_| Bad::Corrupt)?;
                raw.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(|_| Bad::Corrupt)?;
                Decoder::Zstd { raw, out, complete: true }
            }
        };
        Ok(Self { decoder, came: 0 })
    }

    /// Takes the next bytes of the body.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), Bad> {
        if chunk.is_empty() {
            // zstd would begin to wait for another frame.
            return Ok(());
        }
        self.came += chunk.len();
        let result = match &mut self.decoder {
            Decoder::Identity(out) => out.write_all(chunk),
            Decoder::Gzip { raw, out, complete } => inflate_gzip(raw, out, complete, chunk),
            Decoder::Deflate { raw, out, complete } => inflate_zlib(raw, out, complete, chunk),
            Decoder::Zstd { raw, out, complete } => inflate_zstd(raw, out, complete, chunk),
        };
        self.judge(&result)
    }

    fn judge(&self, result: &io::Result<()>) -> Result<(), Bad> {
        let out = self.out();
        match result {
            Err(_) if out.over => Err(Bad::TooLarge),
            Err(_) => Err(Bad::Corrupt),
            Ok(()) if out.bytes.len() > RATIO_FROM && out.bytes.len() / MAX_RATIO > self.came => {
                Err(Bad::Bomb)
            }
            Ok(()) => Ok(()),
        }
    }

    fn out(&self) -> &Bounded {
        match &self.decoder {
            Decoder::Identity(out)
            | Decoder::Gzip { out, .. }
            | Decoder::Deflate { out, .. }
            | Decoder::Zstd { out, .. } => out,
        }
    }

    /// Bytes of memory that the body takes by now.
    pub(crate) fn capacity(&self) -> usize {
        self.out().bytes.capacity()
    }

    /// The whole body, if it is whole.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Bad> {
        let (out, is_whole) = match self.decoder {
            Decoder::Identity(out) => (out, true),
            // An empty body is no stream at all.
            Decoder::Gzip { out, complete, .. }
            | Decoder::Deflate { out, complete, .. }
            | Decoder::Zstd { out, complete, .. } => (out, complete && self.came > 0),
        };
        if is_whole { Ok(out.bytes) } else { Err(Bad::Corrupt) }
    }
}

/// Inflates one member after the other (RFC 1952, 2.2).
fn inflate_gzip(
    raw: &mut Decompress,
    out: &mut Bounded,
    complete: &mut bool,
    chunk: &[u8],
) -> io::Result<()> {
    let mut input = chunk;
    while !input.is_empty() {
        if *complete {
            *raw = Decompress::new_gzip(DEFLATE_WINDOW);
        }
        input = inflate_member(raw, out, complete, input)?;
    }
    Ok(())
}

/// flate2's own writer takes a stream that is cut short for one that has ended.
fn inflate_zlib(
    raw: &mut Decompress,
    out: &mut Bounded,
    complete: &mut bool,
    chunk: &[u8],
) -> io::Result<()> {
    let rest = if *complete { chunk } else { inflate_member(raw, out, complete, chunk)? };
    if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Inflates to the end of the input or of the stream, straight into its place; answers what is left of the input.
fn inflate_member<'a>(
    raw: &mut Decompress,
    out: &mut Bounded,
    complete: &mut bool,
    mut input: &'a [u8],
) -> io::Result<&'a [u8]> {
    loop {
        out.make_room(1);
        let (taken, before) = (raw.total_in(), out.bytes.len());
        let is_full = before == out.limit;
        let mut beyond = [0];
        let status = if is_full {
            // What is left can be the stream's end, or more than the limit.
            let made = raw.total_out();
            let status = raw.decompress(input, &mut beyond, FlushDecompress::None)?;
            if raw.total_out() > made {
                out.write_all(&beyond)?;
            }
            status
        } else {
            raw.decompress_vec(input, &mut out.bytes, FlushDecompress::None)?
        };
        input = input.get((raw.total_in() - taken) as usize..).unwrap_or_default();
        *complete = status == Status::StreamEnd;
        let stands_still = raw.total_in() == taken && out.bytes.len() == before;
        let has_room = is_full || out.bytes.len() < out.bytes.capacity();
        if *complete || (input.is_empty() && has_room) || stands_still {
            return if stands_still && !input.is_empty() && !*complete {
                Err(io::ErrorKind::InvalidData.into())
            } else {
                Ok(input)
            };
        }
    }
}

fn inflate_zstd(
    raw: &mut raw::Decoder<'static>,
    out: &mut Bounded,
    complete: &mut bool,
    chunk: &[u8],
) -> io::Result<()> {
    let mut input = InBuffer::around(chunk);
    let mut step = vec![0; STEP];
    loop {
        if *complete && input.pos() < chunk.len() {
            raw.reinit()?;
        }
        let mut output = OutBuffer::around(&mut step);
        let hint = raw.run(&mut input, &mut output)?;
        let written = output.pos();
        *complete = hint == 0;
        out.write_all(step.get(..written).unwrap_or_default())?;
        let full = written == STEP && !*complete;
        if input.pos() >= chunk.len() && !full {
            return Ok(());
        }
    }
}
