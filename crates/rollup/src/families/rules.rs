//! The rules, tried on one text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex_automata::Input;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache, Config};
use regex_automata::util::pool::Pool;

use super::words;

const RULES: &str = include_str!("../../rules/user_agents.tsv");

/// The memory of one search in bytes: the largest rule takes half of it for a KiB of text. It is the same memory for all rules.
const SEARCH: usize = 1 << 20;

/// All rules. Only their words are prepared; a rule is compiled when a text first holds one of its words.
pub(super) struct Rules {
    words: AhoCorasick,
    /// The rules that need a word, by its place among the words.
    needing: Vec<Vec<usize>>,
    /// The rules that are tried on each text.
    always: Vec<usize>,
    rules: Vec<Rule>,
    /// A search's memory for each thread that asks at the same time as others.
    searches: Pool<Option<Cache>>,
}

struct Rule {
    expression: &'static str,
    /// Where it is missing, the family is the first group.
    family: Option<&'static str>,
    compiled: OnceLock<BoundedBacktracker>,
}

impl Rules {
    pub(super) fn new() -> Self {
        let rules = RULES.lines().map(Rule::new).collect::<Vec<_>>();
        let mut needing = BTreeMap::<_, Vec<_>>::new();
        let mut always = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            match rule.words() {
                Some(words) => {
                    words.into_iter().for_each(|word| needing.entry(word).or_default().push(place))
                }
                None => always.push(place),
            }
        }
        Self {
            words: automaton(needing.keys()),
            needing: needing.into_values().collect(),
            always,
            rules,
            searches: Pool::new(|| None),
        }
    }

    /// What the first fitting rule says: `None` where none fits.
    pub(super) fn family<'a>(&'a self, text: &'a str) -> Option<Cow<'a, str>> {
        let mut search = self.searches.get();
        self.promising(text).into_iter().find_map(|place| self.rules[place].family(text, &mut search))
    }

    /// The rules that can fit, in their order.
    fn promising(&self, text: &str) -> Vec<usize> {
        let mut places = self.always.clone();
        for found in self.words.find_overlapping_iter(text) {
            places.extend_from_slice(&self.needing[found.pattern().as_usize()]);
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Rule {
    fn new(line: &'static str) -> Self {
        let (expression, family) =
            line.split_once('\t').map_or((line, None), |(expression, family)| (expression, Some(family)));
        Self { expression, family, compiled: OnceLock::new() }
    }

    #[expect(clippy::expect_used, reason = "the rules are part of the binary, and a test reads each")]
    fn words(&self) -> Option<impl IntoIterator<Item = String> + use<>> {
        words::needed(&regex_syntax::parse(&self.ascii()).expect("a rule is a regular expression"))
    }

    #[expect(clippy::expect_used, reason = "the rules are part of the binary, and a test compiles each")]
    fn compiled(&self) -> &BoundedBacktracker {
        self.compiled.get_or_init(|| {
            let config = Config::new().visited_capacity(SEARCH);
            let compiled = BoundedBacktracker::builder().configure(config).build(&self.ascii());
            compiled.expect("a rule is a regular expression")
        })
    }

    /// uap-core's expressions are JavaScript's: digits, letters of words and their borders are those of ASCII.
    fn ascii(&self) -> String {
        let digits = self.expression.replace(r"\d", "[0-9]");
        digits.replace(r"\w", "[0-9A-Za-z_]").replace(r"\b", r"(?-u:\b)")
    }

    fn family<'a>(&'a self, text: &'a str, search: &mut Option<Cache>) -> Option<Cow<'a, str>> {
        let group = self.first_group(text, search)?;
        Some(match self.family {
            Some(family) if family.contains("$1") => Cow::Owned(family.replace("$1", group)),
            Some(family) => Cow::Borrowed(family),
            None => Cow::Borrowed(group),
        })
    }

    /// What the first group holds, nothing if there is none. `None`: the rule does not fit.
    fn first_group<'a>(&self, text: &'a str, search: &mut Option<Cache>) -> Option<&'a str> {
        let compiled = self.compiled();
        let cache = search.get_or_insert_with(|| compiled.create_cache());
        cache.reset(compiled);
        let mut slots = [None; 4];
        // An error would be a text for which the search has no memory: one above a KiB.
        compiled.try_search_slots(cache, &Input::new(text), &mut slots).ok()??;
        let [_, _, from, to] = slots;
        let group = from.zip(to).and_then(|(from, to)| text.get(from.get()..to.get()));
        Some(group.unwrap_or_default())
    }
}

#[expect(clippy::expect_used, reason = "the words are part of the binary, and a test builds the automaton")]
fn automaton<'a>(words: impl Iterator<Item = &'a String>) -> AhoCorasick {
    let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words);
    words.expect("the rules' words fit into one automaton")
}

#[cfg(test)]
impl Rules {
    /// The same without a look at the words: what they leave out must not matter.
    pub(super) fn family_by_all<'a>(&'a self, text: &'a str) -> Option<Cow<'a, str>> {
        let mut search = self.searches.get();
        self.rules.iter().find_map(|rule| rule.family(text, &mut search))
    }

    /// The longest text that every rule can be tried on.
    pub(super) fn longest_text(&self) -> usize {
        self.rules.iter().map(|rule| rule.compiled().max_haystack_len()).min().unwrap_or(0)
    }

    pub(super) fn always(&self) -> usize {
        self.always.len()
    }
}
