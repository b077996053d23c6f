use logmill_model::Customer;

use super::super::StoreError;
use super::rig::{HOUR, MINUTE, Rig, short};
use crate::question::{By, Distinct, Question, Width};

fn counts(named: &[(&str, u64)]) -> Vec<(String, u64)> {
    named.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
}

#[tokio::test(start_paused = true)]
async fn hours_and_days_are_sums_of_their_minutes() {
    let mut rig = Rig::new();
    rig.add("acme", &[(0, "/a"), (1, "/b"), (MINUTE, "/a"), (HOUR, "/a"), (25 * HOUR, "/c")]);
    rig.add("acme", &[(0, "/a")]);
    rig.add("other", &[(0, "/a")]);
    let minutes = [(0, 3, 2, true), (MINUTE, 1, 1, true), (HOUR, 1, 1, true), (25 * HOUR, 1, 1, false)];
    assert_eq!(short(&rig.minutes("acme")), minutes);
    let hours = rig.ask("acme", Width::Hour, By::Path, 100);
    assert_eq!(short(&hours), [(0, 4, 2, true), (HOUR, 1, 1, true), (25 * HOUR, 1, 1, false)]);
    assert_eq!(hours[0].counts, counts(&[("/a", 3), ("/b", 1)]));
    assert_eq!(hours[0].distinct, Some(Distinct { count: 2, approximate: false }));
    let days = rig.ask("acme", Width::Day, By::Path, 100);
    assert_eq!(short(&days), [(0, 5, 2, true), (24 * HOUR, 1, 1, false)]);
    assert_eq!(days[0].counts, counts(&[("/a", 4), ("/b", 1)]));
    assert_eq!(days[0].distinct, Some(Distinct { count: 2, approximate: false }), "a union, no sum");
    let families = rig.ask("acme", Width::Hour, By::UserAgent, 100);
    assert_eq!(families[0].counts, counts(&[("curl", 4)]));
    assert_eq!(rig.minutes("nobody"), []);
}

#[tokio::test(start_paused = true)]
async fn the_largest_keys_are_shown_and_the_rest_is_summed() {
    let mut rig = Rig::new();
    rig.add("acme", &[(0, "/c"), (0, "/b"), (0, "/b"), (0, "/a"), (0, "/d"), (1, "__other__")]);
    let top = |limit| {
        let windows = rig.ask("acme", Width::Hour, By::Path, limit);
        (windows[0].counts.clone(), windows[0].other, windows[0].total)
    };
    assert_eq!(top(2), (counts(&[("/b", 2), ("/a", 1)]), 3, 6), "equal ones by their key");
    assert_eq!(top(3), (counts(&[("/b", 2), ("/a", 1), ("/c", 1)]), 2, 6));
    assert_eq!(top(9), (counts(&[("/b", 2), ("/a", 1), ("/c", 1), ("/d", 1)]), 1, 6));
    assert_eq!(top(0), (Vec::new(), 6, 6));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_asked_for_is_in_an_answer() {
    let mut rig = Rig::new();
    rig.add("acme", &[(0, "/a"), (5 * MINUTE, "/a"), (HOUR + MINUTE, "/a"), (HOUR + 2 * MINUTE, "/a")]);
    let ask = |from, to| {
        let customer = Customer::parse("acme").unwrap();
        let question = Question { customer, from, to, width: Width::Minute, by: By::Path, limit: 1 };
        rig.store.answer(&question).unwrap().windows.iter().map(|window| window.start).collect::<Vec<_>>()
    };
    assert_eq!(ask(MINUTE, HOUR + 2 * MINUTE), [5 * MINUTE, HOUR + MINUTE]);
    assert_eq!(ask(HOUR + 2 * MINUTE, HOUR + 3 * MINUTE), [HOUR + 2 * MINUTE]);
    assert!(ask(2 * HOUR, 3 * HOUR).is_empty());
}

#[tokio::test(start_paused = true)]
async fn too_much_is_refused_before_it_is_in_memory() {
    let mut rig = Rig::new();
    let paths: Vec<String> = (0..3000).map(|n| format!("/{n}/{}", "x".repeat(8000))).collect();
    for some in paths.chunks(200) {
        let batch: Vec<_> = some.iter().map(|path| (0, path.as_str())).collect();
        rig.add("acme", &batch);
    }
    let customer = Customer::parse("acme").unwrap();
    let ask = |limit| {
        let customer = customer.clone();
        let question = Question { customer, from: 0, to: HOUR, width: Width::Hour, by: By::Path, limit };
        rig.store.answer(&question)
    };
    assert!(matches!(ask(3000), Err(StoreError::TooLarge)));
    assert_eq!(ask(1000).unwrap().windows[0].other, 2000);
    let read_less = Question { customer, from: 0, to: HOUR, width: Width::Hour, by: By::Path, limit: 1 };
    assert!(matches!(rig.store.answer_within(&read_less, 1 << 20), Err(StoreError::TooLarge)));
}
