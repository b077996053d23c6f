//! Settings: from flags, environment and file to one checked tree.
//!
//! Limits: a file has at most 256 KiB, one document, 32 levels; a report prints 100 problems.
//!
//! Flags go before the environment, that before aliases, those before the file, that before defaults.
//! [`load`] is pure: start-up and `config check` are this same function. It reports every problem of every
//! source at once.
//!
//! ```text
//! catalogue ─┐
//! sources ── gather ── what they say ── resolve ── Settings, and where each value came from
//! ```

mod catalogue;
mod gather;
mod kind;
mod print;
mod problem;
mod resolve;
mod rules;
mod suggest;
mod tree;
mod units;
mod yaml;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use catalogue::Machine;
pub(crate) use print::{InitError, explain, init, schema, write_init};
pub(crate) use problem::{Problem, report};
pub(crate) use resolve::Explained;
pub(crate) use tree::{
    CatalogKind, Destination, LakeOrphans, LogFormat, LogLevel, ObjectCodec, QueueKind, Role, S3, Settings,
};

use catalogue::{CATALOGUE, Catalogue};

/// The files that settings are read from and written to.
pub(crate) trait Files {
    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// As the system says. A larger file is `InvalidData`, or comes with more than `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Writes a file that must not be there yet.
    ///
    /// # Errors
    /// `AlreadyExists` if it is there; otherwise as the system says.
    fn create_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// A setting on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    name: String,
    value: Option<String>,
    typed: String,
}

impl Flag {
    /// A setting with a flag of its own, such as `--log-level`.
    #[must_use]
    pub(crate) fn named(name: &str, value: &str, typed: &str) -> Self {
        Self { name: name.to_owned(), value: Some(value.to_owned()), typed: typed.to_owned() }
    }

    /// What follows `--set`. Without `=` it becomes a problem of [`load`].
    #[must_use]
    pub(crate) fn set(argument: &str) -> Self {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument, None),
        };
        // The value stays out of what is printed: it can be a secret.
        Self { name: name.to_owned(), value, typed: format!("--set {name}") }
    }
}

/// Everything that settings come from.
#[derive(Clone)]
pub(crate) struct Sources<'a> {
    /// Flags.
    pub(crate) flags: Vec<Flag>,
    /// The file that `--config` names.
    pub(crate) config: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Files.
    pub(crate) files: &'a dyn Files,
    /// The machine.
    pub(crate) machine: Machine,
}

/// Checked settings, and how they came about.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// Each value with its source, in the catalogue's order.
    pub(crate) provenance: Vec<Explained>,
    /// What is allowed and yet probably not meant, one sentence each.
    pub(crate) notices: Vec<String>,
    /// The settings file that was read, if any.
    pub(crate) file: Option<PathBuf>,
}

/// Reads all sources and checks them.
///
/// # Errors
/// Every problem of every source: flags by name, then variables by name, then the file by place.
pub(crate) fn load(sources: &Sources<'_>) -> Result<Loaded, Vec<Problem>> {
    load_with(CATALOGUE, sources)
}

fn load_with(catalogue: Catalogue, sources: &Sources<'_>) -> Result<Loaded, Vec<Problem>> {
    resolve::resolve(catalogue, sources.machine, gather::gather(catalogue, sources))
}

/// Reads a duration as settings have it.
///
/// # Errors
/// One sentence with the form.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
        .map_err(|_| format!("not a duration such as 90m; its unit is one of {}", units::duration_units()))
}

#[cfg(test)]
mod tests;
