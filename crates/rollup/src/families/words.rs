//! Which words a regular expression cannot do without: a text that holds none of them need not be tried.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter words occur in too many texts.
const SHORTEST: usize = 3;

/// As many words are followed at most: alternatives multiply with what stands before and behind them.
const MOST: usize = 256;

/// As many letters of a class are followed at most.
const LETTERS: u32 = 4;

type Words = BTreeSet<String>;

/// What is known of the texts that an expression fits.
struct Known {
    /// All of them, if they are few. In lower case, like all words here.
    texts: Option<Words>,
    /// Each of them holds at least one of these.
    words: Option<Words>,
}

/// Words, in lower case and at least three bytes long, one of which stands in each text that the expression fits. `None` if
/// there is no such list.
pub(super) fn needed(expression: &Hir) -> Option<Words> {
    known(expression).best()
}

impl Known {
    fn nothing() -> Self {
        Self { texts: None, words: None }
    }

    fn texts(texts: Words) -> Self {
        Self { texts: Some(texts), words: None }
    }

    fn best(self) -> Option<Words> {
        [self.texts, self.words]
            .into_iter()
            .flatten()
            .filter(|words| shortest(words) >= SHORTEST)
            .max_by_key(shortest)
    }
}

fn shortest(words: &Words) -> usize {
    words.iter().map(String::len).min().unwrap_or(0)
}

fn known(expression: &Hir) -> Known {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::texts(Words::from([String::new()])),
        HirKind::Literal(literal) => literal_text(&literal.0),
        HirKind::Class(class) => letters(class),
        HirKind::Capture(group) => known(&group.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => {
            Known { texts: None, words: known(&repeated.sub).best() }
        }
        HirKind::Repetition(_) => Known::nothing(),
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(parts) => alternatives(parts),
    }
}

fn literal_text(bytes: &[u8]) -> Known {
    match std::str::from_utf8(bytes) {
        Ok(text) => Known::texts(Words::from([text.to_ascii_lowercase()])),
        Err(_) => Known::nothing(),
    }
}

fn letters(class: &Class) -> Known {
    let Class::Unicode(class) = class else { return Known::nothing() };
    let letters = class.iter().map(|range| u32::from(range.end()) - u32::from(range.start()) + 1);
    if letters.fold(0, u32::saturating_add) > LETTERS {
        return Known::nothing();
    }
    let letters = class.iter().flat_map(|range| range.start()..=range.end());
    Known::texts(letters.map(|letter| letter.to_ascii_lowercase().to_string()).collect())
}

fn alternatives(parts: &[Hir]) -> Known {
    let (mut texts, mut words) = (Some(Words::new()), Some(Words::new()));
    for part in parts.iter().map(known) {
        texts = both(texts, part.texts.as_ref());
        words = both(words, part.best().as_ref());
    }
    Known { texts, words }
}

fn both(all: Option<Words>, more: Option<&Words>) -> Option<Words> {
    let mut all = all?;
    all.extend(more?.iter().cloned());
    (all.len() <= MOST).then_some(all)
}

/// Parts whose texts are few make longer words together. Any of the words that are found so will do: the longest is best.
fn concat(parts: &[Hir]) -> Known {
    let mut found = Vec::new();
    let mut run = Words::from([String::new()]);
    let mut whole = true;
    for part in parts.iter().map(known) {
        if let Some(joined) = part.texts.as_ref().and_then(|texts| joined(&run, texts)) {
            run = joined;
            continue;
        }
        whole = false;
        found.push(std::mem::take(&mut run));
        run = part.texts.clone().unwrap_or_else(|| Words::from([String::new()]));
        found.extend(part.words);
    }
    if whole {
        return Known::texts(run);
    }
    found.push(run);
    Known {
        texts: None,
        words: found.into_iter().max_by_key(|words| (shortest(words), usize::MAX - words.len())),
    }
}

fn joined(left: &Words, right: &Words) -> Option<Words> {
    let all = || left.iter().flat_map(|left| right.iter().map(move |right| format!("{left}{right}")));
    (left.len() * right.len() <= MOST).then(|| all().collect())
}
