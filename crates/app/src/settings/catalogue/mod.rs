//! The one catalogue of settings. Names of variables, messages, `explain`, the JSON Schema, the commented
//! file and the table in the documentation are all made from it.
//!
//! A new setting is one entry in one of the lists below, and the field of [`Settings`] that the entry fills.

mod aggregation;
mod intake;
mod kafka;
mod lake;
mod otlp;
mod outputs;
mod query;
mod queue;
mod raw_batches;
mod server;

use super::kind::Kind;
use super::tree::Settings;

/// What a variable of ours begins with.
pub(super) const PREFIX: &str = "LOGMILL_";

/// What the machine says about itself, for defaults that depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// Number of cores, at least 1.
    pub(crate) cores: u32,
}

/// The value of a setting that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    /// This text, read like any other value.
    Text(&'static str),
    /// Made from the other settings and the machine.
    Computed { says: &'static str, example: &'static str, text: fn(&Settings, &Machine) -> String },
    /// None: whoever uses the setting does what `says` describes.
    Unset { says: &'static str, example: &'static str },
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Sections and name, joined with dots.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Fallback,
    /// One sentence without a full stop.
    pub(super) about: &'static str,
    /// Foreign variables that mean this setting.
    pub(super) aliases: &'static [&'static str],
    /// Never printed, and can be read from the file that `LOGMILL_…_FILE` names.
    pub(super) secret: bool,
}

impl Setting {
    const fn new(name: &'static str, default: Fallback, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, default, about, aliases: &[], secret: false }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The environment variable of the setting.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase().replace('.', "__"))
    }
}

/// Settings in the order in which they are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Catalogue(pub(super) &'static [&'static [Setting]]);

/// The settings of this build.
pub(super) const CATALOGUE: Catalogue = Catalogue(&[
    server::SETTINGS,
    intake::SETTINGS,
    otlp::SETTINGS,
    queue::SETTINGS,
    kafka::SETTINGS,
    raw_batches::SETTINGS,
    outputs::SETTINGS,
    aggregation::SETTINGS,
    lake::SETTINGS,
    query::SETTINGS,
]);

impl Catalogue {
    pub(super) fn all(self) -> impl Iterator<Item = &'static Setting> {
        self.0.iter().copied().flatten()
    }

    pub(super) fn find(self, name: &str) -> Option<&'static Setting> {
        self.all().find(|setting| setting.name == name)
    }

    /// Names of all sections, each with its sections above it; a name can come more than once.
    pub(super) fn sections(self) -> impl Iterator<Item = &'static str> {
        self.all().flat_map(|setting| setting.name.match_indices('.').map(|(at, _)| &setting.name[..at]))
    }
}
