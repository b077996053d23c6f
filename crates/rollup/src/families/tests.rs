use std::collections::HashSet;

use proptest::prelude::*;

use super::cache::REMEMBERED;
use super::*;
use crate::{Agents, agent_hash};

/// User agent, family by uap-core's Python implementation, XXH3 by Python.
const REAL: &str = include_str!("../../tests/data/real_agents.tsv");

/// User agent and family, as uap-core's own tests expect them.
const CASES: &str = include_str!("../../tests/data/uap_core_cases.tsv");

fn columns(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().map(|line| line.split('\t').collect())
}

fn cache() -> FamilyCache {
    FamilyCache::new(Families::load().into())
}

/// Texts whose families are what the sender wrote: `app7` and so on.
fn app(n: usize) -> String {
    format!("app{n}/1.0 CFNetwork/1")
}

#[test]
fn real_user_agents_have_the_families_that_python_finds() {
    let families = Families::load();
    let other = columns(REAL).filter(|row| families.of(row[0]) != row[1]).collect::<Vec<_>>();
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(columns(REAL).count(), 559);
}

#[test]
fn uap_cores_own_cases_have_the_families_that_it_expects() {
    let families = Families::load();
    let other = columns(CASES).filter(|row| families.of(row[0]) != row[1]).collect::<Vec<_>>();
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(columns(CASES).count(), 1_601);
}

#[test]
fn real_user_agents_are_told_apart_by_the_hash_that_python_computes() {
    let mut agents = Agents::new();
    for row in columns(REAL) {
        assert_eq!(format!("{:016x}", agent_hash(row[0])), row[2], "{}", row[0]);
        agents.insert(agent_hash(row[0]));
    }
    assert_eq!(agents.count(), (559, false));
}

#[test]
fn what_no_rule_names_is_other() {
    let families = Families::load();
    assert_eq!(families.of(""), "Other");
    assert_eq!(families.of("-"), "Other");
    assert_eq!(families.of("/1 CFNetwork"), "Other", "a rule fits, but its group is empty");
}

#[test]
fn a_replacement_holds_what_was_matched() {
    let families = Families::load();
    assert_eq!(families.of("Gecko/20100727 Minefield/4.0.1pre"), "Firefox (Minefield)");
}

/// As in JavaScript, for which uap-core's expressions are written.
#[test]
fn digits_and_borders_of_words_are_those_of_ascii() {
    let families = Families::load();
    assert_eq!(families.of("Firefox/3.0"), "Firefox");
    assert_eq!(families.of("Firefox/٣.٠"), "Other");
    assert_eq!(families.of("curl/7.1"), "curl");
    assert_eq!(families.of("écurl/7.1"), "curl", "there is a border between another letter and one of ASCII");
}

#[test]
fn the_first_kib_decides() {
    let families = Families::load();
    let behind = |bytes: usize| format!("{}curl/7.1", " ".repeat(bytes));
    assert_eq!(families.of(&behind(1_024 - 8)), "curl");
    assert_eq!(families.of(&behind(1_024)), "Other");
    // The limit lies within a character of three bytes.
    assert_eq!(families.of(&format!("curl/7.1 {}", "€".repeat(1_000))), "curl");
}

#[test]
fn names_are_cut_to_whole_characters() {
    let families = Families::load();
    let sent = "€".repeat(150);
    let agent = format!("{sent}/1.0 CFNetwork/1");
    assert_eq!(families.of(&agent), "€".repeat(85), "255 bytes: another character does not fit into 256");
}

#[test]
fn every_rule_has_memory_for_the_longest_text() {
    assert!(Rules::new().longest_text() >= TRIED, "{}", Rules::new().longest_text());
}

#[test]
fn few_rules_are_tried_on_every_text() {
    assert!(Rules::new().always() < 10, "{}", Rules::new().always());
}

#[test]
fn the_cache_answers_what_the_rules_say() {
    let mut cache = cache();
    for _ in 0..2 {
        for row in columns(REAL) {
            let id = cache.agent(row[0]).family;
            assert_eq!(cache.name(id), row[1]);
        }
    }
    let ids = columns(REAL).map(|row| cache.agent(row[0]).family).collect::<HashSet<_>>();
    let names = columns(REAL).map(|row| row[1]).collect::<HashSet<_>>();
    assert_eq!(ids.len(), names.len(), "an id for each family");
}

#[test]
fn ids_outlive_what_is_remembered_of_user_agents() {
    let mut cache = cache();
    let firefox = cache.agent("Firefox/3.0").family;
    for n in 0..REMEMBERED * 2 {
        cache.agent(&format!("curl/7.{n}"));
    }
    assert!(cache.remembered() <= REMEMBERED, "{}", cache.remembered());
    assert_eq!(cache.name(firefox), "Firefox");
    assert_eq!(cache.agent("Firefox/4.0").family, firefox);
    assert!(!cache.clear_if_full(), "there are two names");
}

#[test]
fn names_are_forgotten_only_when_the_owner_says_so() {
    let mut cache = cache();
    let ids = (0..=REMEMBERED).map(|n| cache.agent(&app(n)).family).collect::<Vec<_>>();
    assert!(cache.is_full());
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(cache.name(*id), format!("app{n}"));
    }
    assert!(cache.clear_if_full());
    assert!(!cache.is_full());
    assert_eq!(cache.name(ids[0]), "");
    for n in [5, REMEMBERED] {
        let id = cache.agent(&app(n)).family;
        assert_eq!(cache.name(id), format!("app{n}"));
    }
}

static RULES: OnceLock<Rules> = OnceLock::new();

fn piece() -> impl Strategy<Value = String> {
    let cases = columns(CASES).map(|row| row[0]).collect::<Vec<_>>();
    (prop::sample::select(cases), any::<prop::sample::Index>(), 1..60usize, any::<bool>()).prop_map(
        |(case, from, long, upper)| {
            let from = from.index(case.len());
            let piece = &case[from..(from + long).min(case.len())];
            if upper { piece.to_uppercase() } else { piece.to_owned() }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_has_a_family(texts in prop::collection::vec("(\\PC{0,40}|bot|/1\\.0| CFNetwork|\n|Firefox/){0,60}", 8)) {
        let mut cache = cache();
        for text in texts {
            let id = cache.agent(&text).family;
            prop_assert!(!cache.name(id).is_empty() && cache.name(id).len() <= 256);
        }
    }

    /// Pieces of uap-core's cases, put together anew: words are there and the rest of a rule is not, or the other way round.
    #[test]
    fn what_the_words_leave_out_does_not_matter(pieces in prop::collection::vec(piece(), 1..6)) {
        let text = pieces.concat();
        let rules = RULES.get_or_init(Rules::new);
        prop_assert_eq!(rules.family(&text), rules.family_by_all(&text));
    }
}
