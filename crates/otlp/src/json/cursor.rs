//! A place in a JSON text (RFC 8259).

use std::borrow::Cow;

use crate::error::Fault;
use crate::limits::MAX_NESTING;

/// Works on bytes: a string may hold some that are no UTF-8, which are kept as protobuf requests keep them.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(white).count();
        self.rest().first().copied()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8, fault: &'static str) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(fault)) }
    }

    #[cold]
    pub(super) fn fault(&self, reason: &'static str) -> Fault {
        Fault::new(self.at, reason)
    }

    /// Takes a word such as `null` if it stands here.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Goes over the members of an object; `member` takes the value of each.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'{', "an object is expected")?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string("a name in quotes is expected")?;
            self.expect(b':', "`:` is expected")?;
            member(self, &name)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "`,` or `}` is expected")?;
        }
    }

    /// Goes over the elements of a list; `element` takes each, with its index.
    pub(super) fn list(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(b'[', "a list is expected")?;
        if self.take(b']') {
            return Ok(());
        }
        for index in 0.. {
            element(self, index)?;
            if self.take(b']') {
                break;
            }
            self.expect(b',', "`,` or `]` is expected")?;
        }
        Ok(())
    }

    /// A string without its escapes. Half a surrogate pair becomes U+FFFD.
    pub(super) fn string(&mut self, expected: &'static str) -> Result<Cow<'a, [u8]>, Fault> {
        self.expect(b'"', expected)?;
        let plain = self.plain();
        if self.rest().first() == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            match self.rest().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => self.escape(&mut text)?,
                Some(_) => return Err(self.fault("a control character stands inside a string")),
                None => return Err(self.fault("a string has no closing quote")),
            }
            text.extend_from_slice(self.plain());
        }
    }

    /// What stands up to the next quote, backslash or control character.
    fn plain(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let length = rest.iter().position(special).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        let byte = match self.rest().get(1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x8,
            Some(b'f') => 0xc,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode_escape(text),
            _ => return Err(self.fault("an escape is not known")),
        };
        text.push(byte);
        self.at += 2;
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        let Some(high) = unit(self.rest()) else {
            return Err(self.fault("`\\u` needs four hexadecimal digits"));
        };
        let low = self.rest().get(6..).and_then(unit);
        let pair = char::decode_utf16([high, low.unwrap_or_default()]).next();
        let letter = pair.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.at += if letter.len_utf16() == 2 { 12 } else { 6 };
        text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The text of a number.
    pub(super) fn number(&mut self, expected: &'static str) -> Result<&'a str, Fault> {
        self.peek();
        let Some(length) = number_length(self.rest()) else { return Err(self.fault(expected)) };
        let text = self.rest().get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        self.at += length;
        Ok(text.unwrap_or_default())
    }

    /// Goes over a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        self.skip_value(MAX_NESTING)
    }

    fn skip_value(&mut self, nesting: u32) -> Result<(), Fault> {
        let inner = nesting.saturating_sub(1);
        match self.peek() {
            Some(b'{' | b'[') if nesting == 0 => Err(crate::wire::too_deep(self.at)),
            Some(b'{') => self.object(|cursor, _| cursor.skip_value(inner)),
            Some(b'[') => self.list(|cursor, _| cursor.skip_value(inner)),
            Some(b'"') => self.string("a string is expected").map(drop),
            Some(b'-' | b'0'..=b'9') => self.number("a number is malformed").map(drop),
            _ if self.word("null") || self.word("true") || self.word("false") => Ok(()),
            _ => Err(self.fault("a value is expected")),
        }
    }
}

/// The UTF-16 unit of an escape that begins here.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)? as u16))
}

/// How many bytes a number takes that begins here, by the grammar of JSON.
pub(super) fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let start = usize::from(text.first() == Some(&b'-'));
    let mut end = if text.get(start) == Some(&b'0') { start + 1 } else { digits(start)? };
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = matches!(text.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(sign))?;
    }
    Some(end)
}
