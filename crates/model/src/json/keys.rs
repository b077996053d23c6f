//! Keys that stand twice in one object.

use crate::fault::Span;

use super::cursor::Str;
use super::escape;

/// Up to this many keys of an object are compared one by one as they come; further ones are sorted at its end, so
/// that an object with very many keys costs n log n. No hash, thus no collisions to be chosen by a sender.
const FEW: usize = 32;

/// The keys of the objects that are open, the innermost last.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// Where the keys of each open object begin.
    starts: Vec<usize>,
    /// The unescaped text of the keys that hold an escape.
    plain: String,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    raw: Span,
    plain: Option<Span>,
}

impl Key {
    fn text<'a>(&self, body: &'a str, plain: &'a str) -> &'a str {
        self.plain.map_or_else(|| self.raw.of(body), |span| span.of(plain))
    }
}

impl Keys {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.starts.clear();
        self.plain.clear();
    }

    pub(super) fn open(&mut self) {
        self.starts.push(self.keys.len());
    }

    /// Adds a key of the innermost object. `Err` is a key that is there already.
    #[inline]
    pub(super) fn add(&mut self, key: Str, body: &str) -> Result<(), Span> {
        let key = self.key(key, body);
        let text = key.text(body, &self.plain);
        let own = self.own();
        if own.len() < FEW && own.iter().any(|other| other.text(body, &self.plain) == text) {
            return Err(key.raw);
        }
        self.keys.push(key);
        Ok(())
    }

    /// Ends the innermost object. `Err` is a key that it holds twice.
    pub(super) fn close(&mut self, body: &str) -> Result<(), Span> {
        let result = self.many(body);
        let start = self.starts.pop().unwrap_or_default();
        self.keys.truncate(start);
        result
    }

    fn many(&mut self, body: &str) -> Result<(), Span> {
        let start = self.starts.last().copied().unwrap_or_default();
        let Self { keys, plain, .. } = self;
        let own = keys.get_mut(start..).unwrap_or_default();
        if own.len() <= FEW {
            return Ok(());
        }
        own.sort_unstable_by(|a, b| a.text(body, plain).cmp(b.text(body, plain)));
        let twice = own.windows(2).find_map(|pair| match pair {
            [a, b] if a.text(body, plain) == b.text(body, plain) => Some(b.raw),
            _ => None,
        });
        twice.map_or(Ok(()), Err)
    }

    #[inline]
    fn own(&self) -> &[Key] {
        self.starts.last().and_then(|&start| self.keys.get(start..)).unwrap_or(&self.keys)
    }

    #[inline]
    fn key(&mut self, key: Str, body: &str) -> Key {
        if key.is_escaped() { self.escaped_key(key, body) } else { Key { raw: key.span(), plain: None } }
    }

    fn escaped_key(&mut self, key: Str, body: &str) -> Key {
        let raw = key.span();
        let start = self.plain.len();
        escape::unescape_into(raw.of(body), &mut self.plain);
        Key { raw, plain: Some(Span { start, end: self.plain.len() }) }
    }
}
