//! Compression of parts, chunk by chunk: frames of zstd and members of gzip may follow each other in one file.

use std::io::{self, Write};

/// How a part is compressed. The name ends the part's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard, RFC 8878.
    #[default]
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
}

/// Fast, and within a few percent of what the slower levels reach on access logs.
const ZSTD_LEVEL: i32 = 3;

impl Codec {
    /// What ends a part's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => "zst",
            Self::Gzip => "gz",
        }
    }

    /// The codec of a suffix.
    pub(crate) fn of_suffix(suffix: &str) -> Option<Self> {
        [Self::Zstd, Self::Gzip].into_iter().find(|codec| codec.suffix() == suffix)
    }

    /// Appends the compressed `chunk` to `out`.
    ///
    /// # Errors
    /// The compressor has no memory.
    pub(crate) fn append(self, chunk: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                encoder.write_all(chunk)?;
                encoder.finish().map(drop)
            }
            Self::Gzip => {
                // Without a time in it: the same lines are the same bytes.
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
                encoder.write_all(chunk)?;
                encoder.finish().map(drop)
            }
        }
    }
}
