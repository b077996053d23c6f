//! Requests and answers that wait in a proxy until somebody lets them go.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Which requests wait, and on which side of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub method: &'static str,
    /// Part of the path; empty: any.
    pub path: &'static str,
    /// Whether the store does them first, and only the answer waits.
    pub is_done: bool,
}

impl Rule {
    fn means(self, first_line: &str, is_done: bool) -> bool {
        self.is_done == is_done && first_line.starts_with(self.method) && first_line.contains(self.path)
    }
}

#[derive(Debug, Default)]
pub(super) struct Held {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rule: Option<Rule>,
    /// Those that wait, in the order in which they came, each with a number of its own.
    waiting: Vec<(u64, Vec<u8>)>,
    numbers: u64,
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on what this rule means waits; with none nothing does. Those that wait go on.
    pub(super) fn set(&self, rule: Option<Rule>) {
        let mut state = self.state();
        state.rule = rule;
        state.waiting.clear();
        drop(state);
        self.released.notify_all();
    }

    /// The one that has waited for the longest goes on.
    pub(super) fn let_one_go(&self) {
        let mut state = self.state();
        if !state.waiting.is_empty() {
            state.waiting.remove(0);
        }
        drop(state);
        self.released.notify_all();
    }

    pub(super) fn waiting(&self) -> Vec<String> {
        let state = self.state();
        state.waiting.iter().map(|(_, request)| String::from_utf8_lossy(request).into_owned()).collect()
    }

    /// Waits if the rule means this request, before or after the store has done it; answers whether it had to.
    pub(super) fn pass(&self, first_line: &str, request: &[u8], is_done: bool) -> bool {
        let mut state = self.state();
        if !state.rule.is_some_and(|rule| rule.means(first_line, is_done)) {
            return false;
        }
        let number = state.numbers;
        state.numbers += 1;
        state.waiting.push((number, request.to_vec()));
        let is_there = |state: &mut State| state.waiting.iter().any(|(waiting, _)| *waiting == number);
        drop(self.released.wait_while(state, is_there));
        true
    }
}
