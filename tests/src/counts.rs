//! Counts by minute, hour and day, compared with those of a script that knows nothing of the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::server::Server;
use crate::tools::{checker, eventually, python_code};

/// Counts that were lost are made anew within this.
const ANEW: Duration = Duration::from_secs(120);

/// The real user agents and their families, as another implementation of the same rules tells them.
fn agents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/rollup/tests/data/real_agents.tsv")
}

/// What the script says of all windows that a server tells.
#[derive(Clone, Debug)]
pub enum Counts {
    /// All are as they must be.
    Right(String),
    /// The server cannot answer now.
    Busy(String),
    /// What is wrong.
    Wrong(String),
}

impl Counts {
    /// What was compared.
    ///
    /// # Panics
    /// Something is wrong, or the server did not answer.
    pub fn is_right(self) -> String {
        match self {
            Self::Right(text) => text,
            Self::Busy(text) => panic!("the server does not answer: {text}"),
            Self::Wrong(text) => panic!("the counts are wrong: {text}"),
        }
    }
}

impl Server {
    /// Compares all windows, all summaries among them, with the lines of the hourly files in `data`; with `log`, an access log,
    /// and customers, with what that says of each of them.
    #[must_use]
    pub fn counts(&self, data: &Path, log: Option<(&str, &[&str])>) -> Counts {
        let mut arguments = vec![format!("http://{}", self.address())];
        arguments.extend([&agents(), data].map(|path| path.to_string_lossy().into_owned()));
        if let Some((log, customers)) = log {
            arguments.push(log.to_owned());
            arguments.extend(customers.iter().map(|&name| name.to_owned()));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match python_code(&checker("windows.py"), &arguments) {
            (Some(0), text) => Counts::Right(text),
            (Some(2), text) => Counts::Busy(text),
            (_, text) => Counts::Wrong(text),
        }
    }

    /// Waits while the counts are made anew; they must never be wrong meanwhile. Answers what the server said.
    ///
    /// # Panics
    /// An answer is wrong.
    #[must_use]
    pub fn counts_in_the_end(&self, data: &Path) -> Vec<String> {
        let mut said = Vec::new();
        eventually("the counts are made anew", ANEW, || match self.counts(data, None) {
            Counts::Busy(text) => {
                said.push(text);
                None
            }
            other => Some(other.is_right()),
        });
        said
    }
}
