//! The settings as text: with their values, as JSON Schema, as a commented file, as a table.

mod explain;
mod init;
mod schema;
#[cfg(test)]
pub(super) mod table;

pub(crate) use explain::explain;
pub(crate) use init::{InitError, init, write_init};
pub(crate) use schema::schema;

use super::catalogue::{Fallback, Setting};

/// The default of a setting in words.
fn default_of(setting: &Setting) -> &'static str {
    match setting.default {
        Fallback::Text(text) => text,
        Fallback::Computed { says, .. } | Fallback::Unset { says, .. } => says,
    }
}

#[cfg(test)]
mod tests;
