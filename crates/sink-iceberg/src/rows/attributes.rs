//! Attributes as sorted lists of text.

use std::borrow::Cow;
use std::ptr;

use arrow_array::StringArray;
use logmill_otlp::{Attributes, Text, Value};

use super::context::Context;

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

/// Layouts that are kept. Records of one service have some shapes, and its hosts the same ones.
const KEPT: usize = 16;

/// Where the value of a row's attribute comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The record's list, at this place.
    Own(usize),
    /// The context's list, at this place.
    Outer(usize),
    /// The time that was sent.
    Time,
}

/// How the attributes of records that have the same keys become those of a row. Neighbours have the same keys, as a rule: then nothing
/// is sorted, compared with the context's keys or checked to be UTF-8 again.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    /// Keys of the record as they came, and whether their values are empty.
    own: Vec<(Box<[u8]>, bool)>,
    timed: bool,
    context: &'a Context,
    /// Keys that had to be mended.
    pub(super) mended: u64,
    /// The row's keys, sorted.
    pub(super) keys: StringArray,
    /// Of each key.
    pub(super) origins: Vec<Origin>,
}

impl<'a> Layout<'a> {
    fn new(own: &[Pair<'_>], timed: bool, context: &'a Context) -> Self {
        let mut mended = 0;
        let outer = context.attributes.iter().enumerate();
        let outer = outer
            .map(|(at, (key, text))| (Cow::Borrowed(key.as_str()), text.as_ref().map(|_| Origin::Outer(at))));
        let inner = own.iter().enumerate().map(|(at, (key, value))| {
            let key = key.lossy();
            mended += u64::from(matches!(key, Cow::Owned(_)));
            (key, (!matches!(value, Value::Empty)).then_some(Origin::Own(at)))
        });
        let time = timed.then_some((Cow::Borrowed(SENT_TIME), Some(Origin::Time)));
        let mut all: Vec<(Cow<'_, str>, Option<Origin>)> = outer.chain(inner).chain(time).collect();
        // Stable, so that of equal keys the innermost stays the last.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        keep_last(&mut all, |a, b| a.0 == b.0);
        let (keys, origins): (Vec<_>, Vec<_>) =
            all.into_iter().filter_map(|(key, origin)| Some((key, origin?))).unzip();
        let own = own.iter().map(|(key, value)| (key.as_bytes().into(), matches!(value, Value::Empty)));
        Self {
            own: own.collect(),
            timed,
            context,
            mended,
            keys: StringArray::from_iter_values(keys),
            origins,
        }
    }

    fn fits(&self, own: &[Pair<'_>], timed: bool, context: &Context) -> bool {
        let same = |((key, empty), (other, value)): (&(Box<[u8]>, bool), &Pair<'_>)| {
            &**key == other.as_bytes() && *empty == matches!(value, Value::Empty)
        };
        self.timed == timed
            && self.own.len() == own.len()
            && (ptr::eq(self.context, context) || alike(self.context, context))
            && self.own.iter().zip(own).all(same)
    }
}

/// Whether both have the same keys, with and without values.
fn alike(one: &Context, other: &Context) -> bool {
    let same = |(one, other): (&Owned, &Owned)| one.0 == other.0 && one.1.is_some() == other.1.is_some();
    one.attributes.len() == other.attributes.len() && one.attributes.iter().zip(&other.attributes).all(same)
}

/// The layouts of the last records.
#[derive(Debug, Default)]
pub(super) struct Layouts<'a>(Vec<Layout<'a>>);

/// An attribute as it came.
pub(super) type Pair<'r> = (Text<'r>, Value<'r>);

impl<'a> Layouts<'a> {
    /// That of a record with these attributes.
    pub(super) fn of(&mut self, own: &[Pair<'_>], timed: bool, context: &'a Context) -> Option<&Layout<'a>> {
        let place = self.0.iter().position(|layout| layout.fits(own, timed, context));
        let place = place.unwrap_or_else(|| {
            self.0.truncate(KEPT - 1);
            self.0.push(Layout::new(own, timed, context));
            self.0.len() - 1
        });
        // The last ones stay in front.
        self.0.swap(0, place);
        let layout = self.0.first_mut()?;
        layout.context = context;
        Some(layout)
    }
}

/// An empty list for another record in the memory of this one.
pub(super) fn emptied<'r>(mut list: Vec<Pair<'_>>) -> Vec<Pair<'r>> {
    list.clear();
    // Collecting in place keeps the memory; there are no elements to convert.
    list.into_iter().map(|_| (Text::default(), Value::Empty)).collect()
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
