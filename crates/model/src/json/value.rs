//! Goes over any JSON value and checks it, without recursion.

use super::cursor::{Cursor, Str};
use super::keys::Keys;
use crate::fault::Fault;

/// What is open inside a record, kept from record to record so that none of it is allocated twice.
#[derive(Debug, Default)]
pub(crate) struct Nest {
    /// One byte for each open array or object below the record: a body of 2 MiB can open two million.
    open: Vec<Kind>,
    pub(super) keys: Keys,
    pub(super) max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Array,
    Object,
}

impl Nest {
    /// Whether the innermost object is one whose keys are kept. Below the limit the record is lost anyway.
    fn is_tracked(&self) -> bool {
        self.open.len() < self.max as usize
    }
}

impl Cursor<'_> {
    /// Goes over the value that begins here, inside the record's own object.
    #[inline]
    pub(super) fn value(&mut self, nest: &mut Nest) -> Result<(), Fault> {
        if matches!(self.peek(), Some(b'{' | b'[')) { self.nested(nest) } else { self.scalar() }
    }

    fn nested(&mut self, nest: &mut Nest) -> Result<(), Fault> {
        nest.open.clear();
        loop {
            let opened = match self.peek() {
                Some(b'{') => self.open_object(nest)?,
                Some(b'[') => self.open_array(nest),
                _ => self.scalar().map(|()| false)?,
            };
            if !opened && !self.next_value(nest)? {
                return Ok(());
            }
        }
    }

    #[inline]
    fn scalar(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(|_| ())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.syntax("expected a JSON value")),
        }
    }

    pub(super) fn literal(&mut self, literal: &'static [u8]) -> Result<(), Fault> {
        if !self.rest().starts_with(literal) {
            return Err(self.syntax("expected a JSON value"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// `true`: the cursor stands at the first value. `false`: the object was empty.
    fn open_object(&mut self, nest: &mut Nest) -> Result<bool, Fault> {
        self.push(Kind::Object, nest);
        if nest.is_tracked() {
            nest.keys.open();
        }
        if self.take(b'}') {
            self.pop(nest);
            return Ok(false);
        }
        self.member(nest)?;
        Ok(true)
    }

    fn open_array(&mut self, nest: &mut Nest) -> bool {
        self.push(Kind::Array, nest);
        let empty = self.take(b']');
        if empty {
            self.pop(nest);
        }
        !empty
    }

    fn push(&mut self, kind: Kind, nest: &mut Nest) {
        nest.open.push(kind);
        if !nest.is_tracked() {
            self.note(Fault::Nesting { max: nest.max });
        }
        self.at += 1;
        self.space();
    }

    fn pop(&mut self, nest: &mut Nest) {
        if nest.is_tracked()
            && nest.open.last() == Some(&Kind::Object)
            && let Err(key) = nest.keys.close(self.text)
        {
            self.note(Fault::DuplicateKey { key });
        }
        nest.open.pop();
    }

    /// Behind a value: closes what ends here and goes to the next value; `false` if nothing is open any more.
    fn next_value(&mut self, nest: &mut Nest) -> Result<bool, Fault> {
        while let Some(&kind) = nest.open.last() {
            self.space();
            match (kind, self.peek()) {
                (_, Some(b',')) => {
                    self.at += 1;
                    self.space();
                    if kind == Kind::Object {
                        self.member(nest)?;
                    }
                    return Ok(true);
                }
                (Kind::Object, Some(b'}')) | (Kind::Array, Some(b']')) => {
                    self.at += 1;
                    self.pop(nest);
                }
                (Kind::Object, _) => return Err(self.syntax("expected `,` or `}`")),
                (Kind::Array, _) => return Err(self.syntax("expected `,` or `]`")),
            }
        }
        Ok(false)
    }

    /// From a key to its value.
    fn member(&mut self, nest: &mut Nest) -> Result<(), Fault> {
        self.expect(b'"', "expected a key in quotes")?;
        let key = self.string()?;
        if nest.is_tracked() {
            self.add_key(key, nest);
        }
        self.colon()
    }

    #[inline]
    pub(super) fn add_key(&mut self, key: Str, nest: &mut Nest) {
        if let Err(key) = nest.keys.add(key, self.text) {
            self.note(Fault::DuplicateKey { key });
        }
    }

    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        self.space();
        self.expect(b':', "expected `:`")?;
        self.space();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'-') {
                self.take(b'+');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.syntax("expected a digit"));
        }
        self.at += count;
        Ok(())
    }
}
