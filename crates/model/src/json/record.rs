//! One JSON record: its named fields, and where its further ones stand.

use super::cursor::{Cursor, Str};
use super::value::Nest;
use crate::fault::{Fault, Field, Span};
use crate::fields;
use crate::text::Text;
use crate::time::Stamp;

/// What is found in a record, as places in the body.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(super) object: Span,
    pub(super) stamp: Stamp,
    method: Option<Str>,
    path: Option<Str>,
    user_agent: Option<Str>,
    /// The object is its own line: no white space, the named fields first and in order, the time as it is written.
    pub(super) canonical: bool,
    pub(super) spaced: bool,
    seen: Seen,
}

/// Which named fields came, whatever their value, and what came last.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    timestamp: bool,
    alias: bool,
    method: bool,
    path: bool,
    user_agent: bool,
    rank: u8,
}

/// Further fields have the rank behind all named ones.
const EXTRA_RANK: u8 = 4;

/// Memory that a walk needs, to be used again for the next record and the next body. It keeps the size that the
/// largest record needed.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(super) nest: Nest,
    /// Runs of further fields, from a key to the end of a value. Neighbours share a run.
    pub(super) extras: Vec<Span>,
}

impl Scratch {
    pub(super) fn begin(&mut self, max_nesting: u32) {
        self.nest.max = max_nesting;
        self.nest.keys.clear();
        self.nest.keys.open();
        self.extras.clear();
    }

    /// The runs of further fields of the record that was read last.
    pub(crate) fn extras(&self) -> &[Span] {
        &self.extras
    }
}

impl Fields {
    pub(crate) fn method<'a>(&self, body: &'a str) -> Option<Text<'a>> {
        self.method.map(|method| method.text(body))
    }

    pub(crate) fn path<'a>(&self, body: &'a str) -> Text<'a> {
        self.path.unwrap_or_default().text(body)
    }

    pub(crate) fn user_agent<'a>(&self, body: &'a str) -> Text<'a> {
        self.user_agent.unwrap_or_default().text(body)
    }

    #[inline]
    fn rank(&mut self, rank: u8, as_written: bool) {
        self.canonical &= as_written && rank >= self.seen.rank;
        self.seen.rank = rank;
    }

    fn missing(&self) -> Option<Field> {
        let seen = &self.seen;
        if !(seen.timestamp | seen.alias) {
            Some(Field::Timestamp)
        } else if !seen.path {
            Some(Field::Path)
        } else if !seen.user_agent {
            Some(Field::UserAgent)
        } else {
            None
        }
    }
}

impl Cursor<'_> {
    /// Reads the object that begins here. A fault that is returned is one of syntax, all others are noted.
    #[inline]
    pub(super) fn record(&mut self, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Fault> {
        *fields = Fields { canonical: true, ..Fields::default() };
        fields.object.start = self.at;
        self.expect(b'{', "expected `{`")?;
        self.space();
        if !self.take(b'}') {
            self.members(fields, scratch)?;
        }
        fields.object.end = self.at;
        fields.spaced = self.spaced;
        fields.canonical &= !self.spaced && fields.stamp.verbatim;
        self.finish(fields, scratch);
        Ok(())
    }

    #[inline]
    fn members(&mut self, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Fault> {
        loop {
            self.expect(b'"', "expected a key in quotes")?;
            self.known_key(fields, scratch)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.syntax("expected `,` or `}`")),
            }
            self.space();
        }
    }

    #[inline]
    fn finish(&mut self, fields: &Fields, scratch: &mut Scratch) {
        if !scratch.extras.is_empty()
            && let Err(key) = scratch.nest.keys.close(self.text)
        {
            self.note(Fault::DuplicateKey { key });
        }
        if let Some(field) = fields.missing() {
            self.note(Fault::Missing(field));
        }
    }

    /// From behind a key's quote over the value. The named fields are told by their first byte and one comparison.
    #[inline]
    fn known_key(&mut self, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Fault> {
        let rest = self.rest();
        let (field, alias, length) = match rest.first() {
            Some(b't') if rest.starts_with(b"timestamp\"") => (Field::Timestamp, false, 9),
            Some(b'm') if rest.starts_with(b"method\"") => (Field::Method, false, 6),
            Some(b'p') if rest.starts_with(b"path\"") => (Field::Path, false, 4),
            Some(b'u') if rest.starts_with(b"userAgent\"") => (Field::UserAgent, false, 9),
            Some(b'r') if rest.starts_with(b"receivedAt\"") => (Field::Timestamp, true, 10),
            _ => return self.other_key(fields, scratch),
        };
        let key = Str::new(self.at, self.at + length, false);
        self.at += length + 1;
        self.named(field, alias, key, fields, scratch)
    }

    #[inline(never)]
    fn other_key(&mut self, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Fault> {
        let key = self.string()?;
        if key.is_escaped()
            && let Some((field, alias)) = fields::known(&key.text(self.text).unescaped())
        {
            return self.escaped_name(field, alias, key, fields, scratch);
        }
        self.extra(key, fields, scratch)
    }

    #[cold]
    #[inline(never)]
    fn escaped_name(
        &mut self,
        field: Field,
        alias: bool,
        key: Str,
        fields: &mut Fields,
        scratch: &mut Scratch,
    ) -> Result<(), Fault> {
        self.named(field, alias, key, fields, scratch)
    }

    #[inline]
    fn named(
        &mut self,
        field: Field,
        alias: bool,
        key: Str,
        fields: &mut Fields,
        scratch: &mut Scratch,
    ) -> Result<(), Fault> {
        self.see(field, alias, key, fields);
        self.colon()?;
        if self.take(b'"') {
            if field == Field::Timestamp && self.short_time(fields) {
                return Ok(());
            }
            let value = self.string()?;
            self.check(field, value, fields);
            return Ok(());
        }
        if field == Field::Method && self.rest().starts_with(b"null") {
            fields.canonical = false;
        } else {
            self.note(Fault::NotString(field));
        }
        self.value(&mut scratch.nest)
    }

    /// Most times have the shortest form. Where it holds, so does the grammar of the string, without a scan.
    #[inline]
    fn short_time(&mut self, fields: &mut Fields) -> bool {
        if let Some((text, [b'"', ..])) = self.rest().split_first_chunk::<20>()
            && let Ok(stamp) = Stamp::parse(text)
        {
            fields.stamp = stamp;
            self.at += 21;
            return true;
        }
        false
    }

    #[inline]
    fn see(&mut self, field: Field, alias: bool, key: Str, fields: &mut Fields) {
        let seen = &mut fields.seen;
        let (slot, rank) = match field {
            Field::Timestamp if alias => (&mut seen.alias, 0),
            Field::Timestamp => (&mut seen.timestamp, 0),
            Field::Method => (&mut seen.method, 1),
            Field::Path => (&mut seen.path, 2),
            Field::UserAgent => (&mut seen.user_agent, 3),
        };
        if std::mem::replace(slot, true) {
            self.note(Fault::DuplicateKey { key: key.span() });
        }
        if seen.timestamp & seen.alias {
            self.note(Fault::TwoTimes);
        }
        fields.rank(rank, !alias && !key.is_escaped());
    }

    #[inline]
    fn check(&mut self, field: Field, value: Str, fields: &mut Fields) {
        let text = value.text(self.text);
        let checked = match field {
            Field::Timestamp => fields::time(text).map(|stamp| fields.stamp = stamp),
            Field::Method => {
                fields.method = Some(value);
                fields::method(text)
            }
            Field::Path => {
                fields.path = Some(value);
                fields::path(text)
            }
            Field::UserAgent => {
                fields.user_agent = Some(value);
                Ok(())
            }
        };
        if let Err(fault) = checked {
            self.note(fault);
        }
    }

    #[inline]
    fn extra(&mut self, key: Str, fields: &mut Fields, scratch: &mut Scratch) -> Result<(), Fault> {
        self.add_key(key, &mut scratch.nest);
        self.colon()?;
        let start = key.span().start - 1;
        self.value(&mut scratch.nest)?;
        let run = Span { start, end: self.at };
        match scratch.extras.last_mut() {
            Some(last) if fields.seen.rank == EXTRA_RANK => last.end = run.end,
            _ => scratch.extras.push(run),
        }
        fields.rank(EXTRA_RANK, true);
        Ok(())
    }
}
