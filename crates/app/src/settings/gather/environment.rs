//! The environment: our own variables, files that they name, and aliases.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::super::catalogue::{Catalogue, PREFIX, Setting};
use super::super::kind::{Raw, Scalar};
use super::super::problem::{Fault, Origin, escaped};
use super::super::{Files, Sources, suggest};
use super::{CONFIG, Gathered, Layer, MAX_FILE_BYTES, text_of};

/// Ends the name of a variable that names a file with the value of a secret setting.
const FILE_SUFFIX: &str = "_FILE";
/// Begins variables that tests of ours read.
const TEST_PREFIX: &str = "LOGMILL_TEST_";

pub(super) fn gather(catalogue: Catalogue, sources: &Sources<'_>, gathered: &mut Gathered) {
    // The system gives variables in any order; a report has a stable one.
    let sorted: BTreeMap<_, _> = sources.environment.iter().map(|(name, value)| (name, value)).collect();
    for (name, value) in sorted {
        let name = name.to_string_lossy();
        if let Some(setting) = catalogue.all().find(|setting| setting.aliases.contains(&name.as_ref())) {
            alias(setting, &name, value, gathered);
        } else if name.starts_with(PREFIX) {
            own(catalogue, sources.files, &name, value, gathered);
        } else if let Some(notice) = lookalike(catalogue, &name) {
            gathered.notices.push(notice);
        }
    }
}

/// Foreign variables often come empty from a compose file's `${NAME:-}`; there that means not set.
fn alias(setting: &'static Setting, name: &str, value: &OsStr, gathered: &mut Gathered) {
    if !value.is_empty() {
        assign(setting, Layer::Alias, Origin::Alias(name.to_owned()), value, gathered);
    }
}

fn own(catalogue: Catalogue, files: &dyn Files, name: &str, value: &OsStr, gathered: &mut Gathered) {
    if name == CONFIG || name.starts_with(TEST_PREFIX) || is_service_link(name, value) {
        return;
    }
    let origin = Origin::Variable(name.to_owned());
    if let Some(setting) = of_variable(catalogue, name) {
        return assign(setting, Layer::Variable, origin, value, gathered);
    }
    let of_file = name.strip_suffix(FILE_SUFFIX).and_then(|name| of_variable(catalogue, name));
    match of_file {
        Some(setting) if setting.secret => from_file(setting, files, name, Path::new(value), gathered),
        Some(setting) => {
            let advice =
                format!("set {}; only secrets can come from a file of their own", setting.variable());
            gathered.problem(&origin, Some(setting.name), Fault::new("is not a secret", advice));
        }
        None => gathered.problem(&origin, None, unknown(catalogue, name)),
    }
}

fn of_variable(catalogue: Catalogue, name: &str) -> Option<&'static Setting> {
    catalogue.all().find(|setting| setting.variable() == name)
}

fn assign(setting: &'static Setting, layer: Layer, origin: Origin, value: &OsStr, gathered: &mut Gathered) {
    match value.to_str() {
        Some(text) => gathered.assign(setting, Raw::One(Scalar::argument(text)), layer, origin),
        None => {
            let fault = Fault::new("the value is not UTF-8", "write it in UTF-8");
            gathered.problem(&origin, Some(setting.name), fault);
        }
    }
}

/// Files of secrets usually end in a line break that is not part of the secret.
fn from_file(setting: &'static Setting, files: &dyn Files, name: &str, path: &Path, gathered: &mut Gathered) {
    let origin = Origin::VariableFile(name.to_owned(), path.to_owned());
    match text_of(files.read(path, MAX_FILE_BYTES)) {
        Ok(text) => {
            let value = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
            gathered.assign(setting, Raw::One(Scalar::argument(value)), Layer::Variable, origin);
        }
        Err(fault) => gathered.problem(&origin, Some(setting.name), fault),
    }
}

fn unknown(catalogue: Catalogue, name: &str) -> Fault {
    let advice = match meant(catalogue, name.trim_start_matches(PREFIX)) {
        Some(setting) => format!("did you mean {}?", setting.variable()),
        None => "remove it; see `logmill config explain` for all settings".to_owned(),
    };
    Fault::new("is not a variable of ours", advice)
}

fn meant(catalogue: Catalogue, rest: &str) -> Option<&'static Setting> {
    suggest::setting(catalogue, &rest.to_lowercase().replace("__", "."))
}

/// Kubernetes gives every pod variables for each service, among them one that is called `logmill`:
/// `LOGMILL_SERVICE_HOST`, `LOGMILL_PORT=tcp://…`, `LOGMILL_PORT_8080_TCP_ADDR`. They must not stop a start.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let is_url =
        value.to_str().is_some_and(|v| ["tcp://", "udp://", "sctp://"].iter().any(|s| v.starts_with(s)));
    let is_of_port = ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
        let end = name.split_once("_PORT_").and_then(|(_, rest)| rest.split_once(protocol));
        end.is_some_and(|(port, field)| {
            port.bytes().all(|b| b.is_ascii_digit()) && matches!(field, "" | "_PROTO" | "_PORT" | "_ADDR")
        })
    });
    let is_port = name.ends_with("_PORT") && is_url;
    is_port || is_of_port || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

/// A variable whose beginning is nearly ours, and whose rest means a setting.
fn lookalike(catalogue: Catalogue, name: &str) -> Option<String> {
    let (begin, rest) = name.split_once('_')?;
    let is_near = strsim::osa_distance(&begin.to_uppercase(), PREFIX.trim_end_matches('_')) <= 1;
    let setting = is_near.then(|| meant(catalogue, rest)).flatten()?;
    Some(format!("{} means nothing here; did you mean {}?", escaped(name), setting.variable()))
}
