//! Numbers and texts as bytes. Reading never panics.

/// The bytes end early, or hold a value that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no counts: {0}")]
pub struct Malformed(pub &'static str);

/// What is left to be read.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    /// The next `n` bytes.
    ///
    /// # Errors
    /// `Malformed` if there are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Malformed("they end early"))?;
        self.0 = rest;
        Ok(head)
    }

    /// The next byte.
    ///
    /// # Errors
    /// `Malformed` if there is none.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed("they end early"))?;
        self.0 = rest;
        Ok(*first)
    }

    /// An unsigned number of 1 to 10 bytes, seven bits each, smallest first (LEB128).
    ///
    /// # Errors
    /// `Malformed` if it does not end, or has more than 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number has more than 64 bits"))
    }

    /// A number that fits into `T`.
    ///
    /// # Errors
    /// `Malformed` if it does not.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.varint()?).map_err(|_| Malformed("a number is too large"))
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    /// `Malformed` if there are fewer.
    pub fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.number()?;
        self.bytes(n)
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes what [`Take::varint`] reads.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes what [`Take::blob`] reads.
pub fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
