//! The table of settings in the documentation.

use super::super::catalogue::CATALOGUE;
use super::super::kind::{allowed, type_name};
use super::default_of;

/// A Markdown table of all settings: name, type, default, what is allowed, what it is for.
#[must_use]
pub(crate) fn table() -> String {
    let heading = "| setting | type | default | allowed | |\n|---|---|---|---|---|\n".to_owned();
    let rows = CATALOGUE.all().map(|setting| {
        let aliases: String = setting.aliases.iter().map(|alias| format!("; alias `{alias}`")).collect();
        let kind = type_name(setting.kind);
        let (default, allowed) = (default_of(setting), allowed(setting));
        format!("| `{}` | {kind} | `{default}` | {allowed} | {}{aliases} |\n", setting.name, setting.about)
    });
    std::iter::once(heading).chain(rows).collect()
}
