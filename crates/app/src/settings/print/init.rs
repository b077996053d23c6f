//! A settings file to begin with.

use std::io;
use std::path::{Path, PathBuf};

use super::super::Files;
use super::super::catalogue::{CATALOGUE, Catalogue, Fallback, Setting};
use super::super::kind::{Kind, allowed};
use super::super::problem::escaped;
use super::default_of;

const HEADING: &str = "\
# Settings of logmill. Each is shown with its default; remove the # before a name to change it.
# Sizes take B, KB, KiB, MB, MiB, GB, GiB, TB, TiB, a bare number is bytes.
# Durations take ms, s, m, h, d, a bare number is seconds.
# `logmill config check` checks this file, `logmill config explain` shows what is in force.
";

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// There is a file already; it is left as it is.
    #[error("{}: is there already; choose another name, or remove it first", escaped(&.0.to_string_lossy()))]
    Exists(PathBuf),
    /// The disk did not take it.
    #[error("{}: cannot be written", escaped(&.0.to_string_lossy()))]
    Io(PathBuf, #[source] io::Error),
}

/// A YAML file with all settings and their defaults, each commented out. It passes `load` as it is.
#[must_use]
pub(crate) fn init() -> String {
    render(CATALOGUE)
}

/// Writes [`init`] to a new file.
///
/// # Errors
/// `InitError::Exists` if there is a file, `InitError::Io` if it cannot be written.
pub(crate) fn write_init(files: &dyn Files, path: &Path) -> Result<(), InitError> {
    files.create_new(path, init().as_bytes()).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.to_owned()),
        _ => InitError::Io(path.to_owned(), error),
    })
}

/// Section names stand uncommented: an empty section is allowed, and one `#` less is a setting.
fn render(catalogue: Catalogue) -> String {
    let mut text = HEADING.to_owned();
    let mut open: Vec<&str> = Vec::new();
    for setting in catalogue.all() {
        let mut sections: Vec<&str> = setting.name.split('.').collect();
        let name = sections.pop().unwrap_or_default();
        let common = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(common) {
            text.push_str(&format!("\n{}{section}:\n", "  ".repeat(depth)));
        }
        if sections.is_empty() {
            text.push('\n');
        }
        text.push_str(&entry(setting, name, &"  ".repeat(sections.len())));
        open = sections;
    }
    text
}

fn entry(setting: &Setting, name: &str, indent: &str) -> String {
    let default = match setting.default {
        Fallback::Text(_) => String::new(),
        _ => format!(" Default: {}.", default_of(setting)),
    };
    let about = format!("{indent}# {}.\n{indent}# Allowed: {}.{default}\n", setting.about, allowed(setting));
    format!("{about}{indent}# {name}: {}\n", example(setting))
}

fn example(setting: &Setting) -> String {
    let text = match setting.default {
        Fallback::Text(text) => text,
        Fallback::Computed { example, .. } | Fallback::Unset { example, .. } => example,
    };
    match setting.kind {
        Kind::AnyOf { .. } => format!("[{text}]"),
        _ => text.to_owned(),
    }
}
