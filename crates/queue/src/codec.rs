//! Little-endian reading and writing for the log's own small structures. Reading never panics.

/// The bytes end early, or hold a value that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    /// An unsigned number of 1 to 5 bytes, seven bits each, smallest first.
    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed);
            }
        }
        Err(Malformed)
    }

    /// Bytes behind their length (u32).
    pub(crate) fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.u32()?;
        self.bytes(usize::try_from(n).map_err(|_| Malformed)?)
    }

    /// Text behind its length (u16).
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let n = self.u16()?;
        std::str::from_utf8(self.bytes(usize::from(n))?).map_err(|_| Malformed)
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// What `Take` reads. Lengths were checked where the values were made; a longer one is cut, never wrapped.
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]);

    fn put_u8(&mut self, v: u8) {
        self.put(&[v]);
    }

    fn put_u16(&mut self, v: u16) {
        self.put(&v.to_le_bytes());
    }

    fn put_u32(&mut self, v: u32) {
        self.put(&v.to_le_bytes());
    }

    fn put_u64(&mut self, v: u64) {
        self.put(&v.to_le_bytes());
    }

    fn put_i64(&mut self, v: i64) {
        self.put(&v.to_le_bytes());
    }

    fn put_varint(&mut self, mut v: u32) {
        while v >= 0x80 {
            self.put_u8((v & 0x7f) as u8 | 0x80);
            v >>= 7;
        }
        self.put_u8(v as u8);
    }

    fn put_blob(&mut self, bytes: &[u8]) {
        let n = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.put_u32(n);
        self.put(bytes.get(..n as usize).unwrap_or(bytes));
    }

    fn put_text(&mut self, text: &str) {
        let n = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.put_u16(n);
        self.put(text.as_bytes().get(..usize::from(n)).unwrap_or_default());
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
