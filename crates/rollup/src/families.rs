//! Families of user agents by the rules of uap-core (`rules/README.md`), and a cache of what was asked before.

mod cache;
mod rules;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::sync::OnceLock;

use rules::Rules;

pub(crate) use cache::{Agent, FamilyCache, FamilyId};

/// What rules are tried on: so many bytes of a user agent, from its start.
const TRIED: usize = 1024;

/// The longest name of a family in bytes. Some rules take the name from what the sender wrote.
const LONGEST_NAME: usize = 256;

/// The family of what no rule fits.
const OTHER: &str = "Other";

/// The rules of uap-core. Nothing is spent before the first question, which takes 10 ms and 1 MiB. A rule is compiled when a
/// user agent first holds one of its words: 6 MiB if all were, and up to 4 MiB for each further thread that asks at the
/// same time. A user agent takes about 10 µs, one that is made to be slow 0.2 ms.
#[derive(Default)]
pub struct Families {
    rules: OnceLock<Rules>,
}

impl Families {
    /// The version of the rules: uap-core's own tag, commits since then, and the commit.
    pub const VERSION: &str = "v0.18.0-129-ge3c5e63";

    /// The rules that are part of the binary. They are compiled at the first question.
    pub fn load() -> Self {
        Self::default()
    }

    /// The family that the first fitting rule names, `Other` where none fits or the fitting one names none. Looks at the first
    /// KiB of the user agent; the name has at most 256 bytes.
    pub fn of<'a>(&'a self, user_agent: &'a str) -> Cow<'a, str> {
        match self.rules.get_or_init(Rules::new).family(start(user_agent, TRIED)) {
            Some(family) if !family.is_empty() => cut(family),
            _ => Cow::Borrowed(OTHER),
        }
    }
}

fn cut(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(start(name, LONGEST_NAME)),
        Cow::Owned(mut name) => {
            name.truncate(name.floor_char_boundary(LONGEST_NAME));
            Cow::Owned(name)
        }
    }
}

/// At most `bytes` of the text, whole characters.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
