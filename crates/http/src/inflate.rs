//! Inflating a body while it arrives, bounded in size and ratio.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

/// Beyond `RATIO_FROM` bytes a body may inflate to this many times what came.
const MAX_RATIO: usize = 500;
const RATIO_FROM: usize = 1 << 20;
/// zstd may ask for so large a window (2^n bytes), as RFC 8878 advises receivers to allow.
const WINDOW_LOG: u32 = 23;
/// zstd and zlib inflate in steps of so many bytes.
const STEP: usize = 64 * 1024;

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

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.limit {
            self.over = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let len = self.bytes.len() + more.len();
        if len > self.bytes.capacity() {
            // As a vector grows, but never beyond the limit: what it takes is reserved.
            let wanted = len.max(self.bytes.capacity() * 2).min(self.limit);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
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
            Coding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(out))),
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
            Decoder::Gzip(gzip) => gzip.write_all(chunk),
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
            Decoder::Identity(out) | Decoder::Deflate { out, .. } | Decoder::Zstd { out, .. } => out,
            Decoder::Gzip(gzip) => gzip.get_ref(),
        }
    }

    /// Bytes of memory that the body takes by now.
    pub(crate) fn capacity(&self) -> usize {
        self.out().bytes.capacity()
    }

    /// The whole body, if it is whole.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Bad> {
        let ended = match &mut self.decoder {
            Decoder::Identity(_) => Ok(()),
            // An empty body is no stream at all.
            Decoder::Gzip(_) | Decoder::Deflate { .. } | Decoder::Zstd { .. } if self.came == 0 => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Decoder::Gzip(gzip) => gzip.try_finish(),
            Decoder::Deflate { complete: true, .. } | Decoder::Zstd { complete: true, .. } => Ok(()),
            Decoder::Deflate { .. } | Decoder::Zstd { .. } => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.judge(&ended)?;
        match self.decoder {
            Decoder::Identity(out) | Decoder::Deflate { out, .. } | Decoder::Zstd { out, .. } => {
                Ok(out.bytes)
            }
            Decoder::Gzip(mut gzip) => Ok(std::mem::take(&mut gzip.get_mut().bytes)),
        }
    }
}

/// flate2's own writer takes a stream that is cut short for one that has ended.
fn inflate_zlib(
    raw: &mut Decompress,
    out: &mut Bounded,
    complete: &mut bool,
    chunk: &[u8],
) -> io::Result<()> {
    let mut input = chunk;
    let mut step = vec![0; STEP];
    loop {
        if *complete {
            return if input.is_empty() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
        }
        let (taken, made) = (raw.total_in(), raw.total_out());
        let status = raw.decompress(input, &mut step, FlushDecompress::None).map_err(io::Error::other)?;
        let (taken, made) = ((raw.total_in() - taken) as usize, (raw.total_out() - made) as usize);
        input = input.get(taken..).unwrap_or_default();
        out.write_all(step.get(..made).unwrap_or_default())?;
        *complete = status == Status::StreamEnd;
        if !*complete && ((input.is_empty() && made < STEP) || (taken == 0 && made == 0)) {
            return Ok(());
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
