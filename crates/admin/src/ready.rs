//! Whether each part can work.

use logmill_pipeline::SinkState;
use serde_json::{Value, json};

/// How a part stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    /// It works.
    Ready,
    /// It works, and the operator should know something.
    Notice(String),
    /// It cannot work now.
    Failing(String),
}

impl From<SinkState> for PartState {
    fn from(state: SinkState) -> Self {
        match state {
            SinkState::Running | SinkState::Ended => Self::Ready,
            SinkState::Starting => Self::Failing("it is starting".to_owned()),
            SinkState::Waiting(reason) | SinkState::Stopped(reason) => Self::Failing(reason),
        }
    }
}

/// A part of the process, and how to ask for its state.
pub struct Part {
    name: String,
    state: Box<dyn Fn() -> PartState + Send + Sync>,
}

impl Part {
    /// How it stands now.
    #[must_use]
    pub fn state(&self) -> PartState {
        (self.state)()
    }

    /// A part whose state `state` tells.
    pub fn new(name: &str, state: impl Fn() -> PartState + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), state: Box::new(state) }
    }
}

/// All parts as JSON, and whether all of them can work.
pub(crate) fn report(parts: &[Part]) -> (bool, Value) {
    let mut ready = true;
    let mut states = serde_json::Map::new();
    for part in parts {
        let state = match part.state() {
            PartState::Ready => json!({ "state": "ready" }),
            PartState::Notice(notice) => json!({ "state": "ready", "notice": notice }),
            PartState::Failing(reason) => {
                ready = false;
                json!({ "state": "failing", "reason": reason })
            }
        };
        states.insert(part.name.clone(), state);
    }
    (ready, json!({ "ready": ready, "parts": states }))
}
