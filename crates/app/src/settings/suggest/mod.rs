//! What was meant by a name that nobody knows.

use super::catalogue::{Catalogue, Setting};

/// Names longer than this are no typing errors, and comparing them would cost too much.
const MAX_NAME: usize = 100;

/// The setting that a wrong name most likely means: a misspelling, another way to join the words, or the
/// right name in the wrong section.
pub(super) fn setting(catalogue: Catalogue, wrong: &str) -> Option<&'static Setting> {
    if wrong.len() > MAX_NAME {
        return None;
    }
    let scored =
        catalogue.all().filter_map(|setting| score(wrong, setting.name).map(|score| (score, setting)));
    scored.min_by_key(|(score, _)| *score).map(|(_, setting)| setting)
}

/// The section that a wrong name most likely means.
pub(super) fn section(catalogue: Catalogue, wrong: &str) -> Option<&'static str> {
    nearest(wrong, catalogue.sections())
}

/// The nearest of some names, if it is near enough to be a misspelling.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > MAX_NAME {
        return None;
    }
    let scored = names.filter_map(|name| distance(wrong, name).map(|distance| (distance, name)));
    scored.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Smaller is nearer: the distance of the whole name, or of its last part and then of its section.
fn score(wrong: &str, name: &str) -> Option<(usize, usize)> {
    let whole = distance(wrong, name).map(|distance| (distance, 0));
    let (wrong_section, wrong_last) = wrong.rsplit_once('.').unwrap_or(("", wrong));
    let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
    let moved = distance(wrong_last, last).map(|distance| {
        let between = strsim::osa_distance(&plain(wrong_section), &plain(section));
        (distance + 1, between)
    });
    whole.into_iter().chain(moved).min()
}

/// The edit distance, where it is small for the length of the names. Case and what joins words do not count.
fn distance(wrong: &str, name: &str) -> Option<usize> {
    // A file can hold many wrong names, and most pairs are too different in length to be worth a comparison.
    if wrong.is_empty() || wrong.len() > 2 * name.len() + 2 || name.len() > 2 * wrong.len() + 2 {
        return None;
    }
    let (wrong, name) = (plain(wrong), plain(name));
    let distance = strsim::osa_distance(&wrong, &name);
    (!wrong.is_empty() && distance <= name.chars().count().min(9) / 3).then_some(distance)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '.' | '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
