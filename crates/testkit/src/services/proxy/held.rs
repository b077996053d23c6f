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
    /// How often the rule was set: who waits for an older one goes on, also when the next one means the same.
    round: u64,
    /// Those that wait, as they came, in no order.
    waiting: Vec<Vec<u8>>,
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on what this rule means waits; with none nothing does.
    pub(super) fn set(&self, rule: Option<Rule>) {
        let mut state = self.state();
        state.rule = rule;
        state.round += 1;
        drop(state);
        self.released.notify_all();
    }

    pub(super) fn waiting(&self) -> Vec<String> {
        self.state().waiting.iter().map(|request| String::from_utf8_lossy(request).into_owned()).collect()
    }

    /// Waits until the next rule if this one means the request, before or after the store has done it; answers whether it had to.
    pub(super) fn pass(&self, first_line: &str, request: &[u8], is_done: bool) -> bool {
        let mut state = self.state();
        if !state.rule.is_some_and(|rule| rule.means(first_line, is_done)) {
            return false;
        }
        let round = state.round;
        state.waiting.push(request.to_vec());
        let wait = self.released.wait_while(state, |state| state.round == round);
        let mut state = wait.unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.waiting.iter().position(|waiting| waiting == request) {
            state.waiting.swap_remove(at);
        }
        true
    }
}
