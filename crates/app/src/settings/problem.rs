//! What is wrong with the settings, and where it stands.

use std::fmt;
use std::path::PathBuf;

/// How many problems a report prints; the rest is only counted.
const MAX_REPORTED: usize = 100;
/// How many characters of a foreign text a message repeats.
const MAX_QUOTED: usize = 80;

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

/// Where a value, or a problem, came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A flag as it was typed, without its value.
    Flag(String),
    /// An environment variable `LOGMILL_…`.
    Variable(String),
    /// The file that a variable `LOGMILL_…_FILE` names.
    VariableFile(String, PathBuf),
    /// An environment variable of a foreign name that means one of our settings.
    Alias(String),
    /// The settings file, and the place in it where there is one.
    File(PathBuf, Option<Spot>),
}

impl Origin {
    /// The order of a report: flags by name, environment by name, file by place, defaults.
    fn rank(&self) -> (u8, &str, Option<Spot>) {
        match self {
            Self::Flag(typed) => (0, typed, None),
            Self::Variable(name) | Self::VariableFile(name, _) | Self::Alias(name) => (1, name, None),
            Self::File(_, spot) => (2, "", *spot),
            Self::Default => (3, "", None),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(typed) => f.write_str(&escaped(typed)),
            Self::Variable(name) => f.write_str(&escaped(name)),
            Self::VariableFile(name, path) => {
                write!(f, "{} ({})", escaped(name), escaped(&path.to_string_lossy()))
            }
            Self::Alias(name) => write!(f, "{} (alias)", escaped(name)),
            Self::File(path, spot) => {
                f.write_str(&escaped(&path.to_string_lossy()))?;
                spot.map_or(Ok(()), |at| write!(f, ":{}:{}", at.line, at.column))
            }
        }
    }
}

/// One thing that start-up would fail on. Printed on one line: where, which setting, what is wrong, what to
/// do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {}{wrong}; {advice}", setting.map(|name| format!("{name}: ")).unwrap_or_default())]
pub(crate) struct Problem {
    /// Where it stands.
    pub(crate) origin: Origin,
    /// The setting, where the problem has one.
    pub(crate) setting: Option<&'static str>,
    /// What is wrong. Foreign text in it is escaped.
    pub(crate) wrong: String,
    /// What is allowed, or what to do.
    pub(crate) advice: String,
}

/// A problem of one value, before it is known where the value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) wrong: String,
    pub(super) advice: String,
    /// The place inside the value's source, where it is more exact than the value's own.
    pub(super) spot: Option<Spot>,
}

impl Fault {
    pub(super) fn new(wrong: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), advice: advice.into(), spot: None }
    }

    pub(super) fn at(self, spot: Spot) -> Self {
        Self { spot: Some(spot), ..self }
    }

    /// Turns the fault into a problem of a value from `origin`.
    pub(super) fn of(self, origin: &Origin, setting: Option<&'static str>) -> Problem {
        let origin = match (origin, self.spot) {
            (Origin::File(path, _), Some(spot)) => Origin::File(path.clone(), Some(spot)),
            _ => origin.clone(),
        };
        Problem { origin, setting, wrong: self.wrong, advice: self.advice }
    }
}

/// Brings problems into the order of a report.
pub(super) fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| a.origin.rank().cmp(&b.origin.rank()));
}

/// All problems as text for people, one a line below a heading; after the first 100 only their number.
#[must_use]
pub(crate) fn report(problems: &[Problem]) -> String {
    let heading = match problems.len() {
        0 => "the settings have no problem\n".to_owned(),
        1 => "the settings have 1 problem:\n".to_owned(),
        many => format!("the settings have {many} problems:\n"),
    };
    let lines = problems.iter().take(MAX_REPORTED).map(|problem| format!("  {problem}\n"));
    let mut text: String = std::iter::once(heading).chain(lines).collect();
    if problems.len() > MAX_REPORTED {
        text.push_str(&format!("  and {} more\n", problems.len() - MAX_REPORTED));
    }
    text
}

/// Foreign text without control characters, so that it cannot drive a terminal or forge a line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => out.push(character),
            other => out.extend(other.escape_debug()),
        }
    }
    out
}

/// Foreign text in quotes, escaped, and cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(MAX_QUOTED).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", escaped(&cut))
}
