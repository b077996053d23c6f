//! Strings of a sender, which should be UTF-8.

use std::borrow::Cow;

/// A string as it came. The specification wants UTF-8; no log line is refused because of a byte that is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text<'r>(&'r [u8]);

impl<'r> Text<'r> {
    #[inline]
    pub(crate) fn new(bytes: &'r [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &'r [u8] {
        self.0
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text if it is UTF-8.
    #[inline]
    #[must_use]
    pub fn valid(&self) -> Option<&'r str> {
        simdutf8::basic::from_utf8(self.0).ok()
    }

    /// The text, owned if it had to be mended: with U+FFFD for what is no UTF-8.
    #[must_use]
    pub fn lossy(&self) -> Cow<'r, str> {
        self.valid().map_or_else(|| String::from_utf8_lossy(self.0), Cow::Borrowed)
    }

    /// Appends the text; answers 1 if it had to be mended, otherwise 0.
    pub fn write(&self, out: &mut String) -> u64 {
        let text = self.lossy();
        out.push_str(&text);
        u64::from(matches!(text, Cow::Owned(_)))
    }
}
