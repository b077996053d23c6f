//! Attributes as sorted lists of text.

use std::borrow::Cow;
use std::cmp::Ordering;

use logmill_otlp::{Attributes, Value};

/// A key with its value; none if it was sent empty.
pub(super) type Owned = (String, Option<String>);

/// Rendered attributes, sorted by key, of equal keys only the last; and how many strings had to be mended.
pub(super) fn rendered(attributes: Attributes<'_>) -> (Vec<Owned>, u64) {
    let mut mended = 0;
    let rendered = attributes.map(|(key, value)| {
        let mut name = String::new();
        mended += key.write(&mut name);
        let mut text = String::new();
        mended += value.write_text(&mut text);
        (name, (!matches!(value, Value::Empty)).then_some(text))
    });
    let mut rendered: Vec<Owned> = rendered.collect();
    rendered.sort_by(|a, b| a.0.cmp(&b.0));
    keep_last(&mut rendered, |a, b| a.0 == b.0);
    (rendered, mended)
}

/// The attribute that keeps a time which the row could not have.
const SENT_TIME: &str = "logmill.time_unix_nano";

/// What an attribute of a record says.
#[derive(Debug)]
pub(super) enum Said<'r> {
    Value(Value<'r>),
    /// The time that was sent, in nanoseconds.
    Time(u64),
}

/// An attribute of a record.
#[derive(Debug)]
pub(super) struct Own<'r> {
    /// The key's first bytes as a number: most keys differ there, and numbers are compared faster.
    prefix: u64,
    pub(super) key: Cow<'r, str>,
    pub(super) said: Said<'r>,
}

impl<'r> Own<'r> {
    fn new(key: Cow<'r, str>, said: Said<'r>) -> Self {
        Self { prefix: prefix(&key), key, said }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.key.cmp(&other.key))
    }
}

/// Orders texts like themselves, but for those that begin with the same eight bytes.
fn prefix(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(bytes)
}

/// Fills the list with the attributes of a record, sorted by key, of equal keys only the last. Answers how many keys had
/// to be mended.
pub(super) fn own<'r>(attributes: Attributes<'r>, sent: Option<u64>, list: &mut Vec<Own<'r>>) -> u64 {
    let mut mended = 0;
    list.extend(attributes.map(|(key, value)| {
        let key = key.lossy();
        mended += u64::from(matches!(key, Cow::Owned(_)));
        Own::new(key, Said::Value(value))
    }));
    list.extend(sent.map(|time| Own::new(Cow::Borrowed(SENT_TIME), Said::Time(time))));
    // Stable, so that the last of equal keys stays the last.
    list.sort_by(Own::order);
    keep_last(list, |a, b| a.order(b) == Ordering::Equal);
    mended
}

/// An empty list for another record in the memory of this one.
pub(super) fn emptied<'r>(mut list: Vec<Own<'_>>) -> Vec<Own<'r>> {
    list.clear();
    // Collecting in place keeps the memory; there are no elements to convert.
    list.into_iter().map(|_| Own::new(Cow::Borrowed(""), Said::Time(0))).collect()
}

/// An attribute of a row.
pub(super) enum Attribute<'p, 'r> {
    Own(&'p Own<'r>),
    Outer(&'p Owned),
}

/// Both sorted lists as one, the record's own over those of its scope and resource.
pub(super) fn merged<'p, 'r>(
    own: &'p [Own<'r>],
    outer: &'p [Owned],
) -> impl Iterator<Item = Attribute<'p, 'r>> {
    let (mut own, mut outer) = (own.iter().peekable(), outer.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (own.peek(), outer.peek()) {
            (Some(own), Some((other, _))) => (*own.key).cmp(other.as_str()),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        if order == Ordering::Equal {
            outer.next();
        }
        if order == Ordering::Greater {
            outer.next().map(Attribute::Outer)
        } else {
            own.next().map(Attribute::Own)
        }
    })
}

/// Of neighbours that are the same, keeps the last.
pub(super) fn keep_last<T>(list: &mut Vec<T>, same: impl Fn(&T, &T) -> bool) {
    list.dedup_by(|later, earlier| {
        let equal = same(later, earlier);
        if equal {
            std::mem::swap(later, earlier);
        }
        equal
    });
}
