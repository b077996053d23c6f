//! Settings from any file, environment and flags. Their module is taken in by its path: the binary that owns it
//! has no library.
//!
//! The input is text cut at NUL bytes: the settings file, then arguments: `NAME=value` with a capital letter in
//! front is a variable, anything else stands behind `--set`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use serde_json::Value;

#[allow(dead_code, unused_imports, unreachable_pub, missing_docs)]
#[path = "../../crates/app/src/settings/mod.rs"]
mod settings;

use settings::{Files, Flag, Loaded, Machine, Problem, Sources};

/// Where the settings file is looked for first.
const FILE: &str = "./logmill.yaml";
/// Bytes of the longest message; what it repeats of a foreign text is cut.
const LONGEST: usize = 2048;

/// The one file that there is.
struct One<'a>(&'a [u8]);

impl Files for One<'_> {
    fn read(&self, path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        if path == Path::new(FILE) { Ok(self.0.to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn create_new(&self, _path: &Path, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Settings are a tree that can be written down and read again, or problems that name their place.
pub fn check(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let file = parts.next().unwrap_or_default();
    let arguments: Vec<String> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let (variables, flags): (Vec<_>, Vec<_>) = arguments
        .iter()
        .partition(|text| text.starts_with(|c: char| c.is_ascii_uppercase()) && text.contains('='));
    let variables = variables.into_iter().filter_map(|text| text.split_once('=')).collect();
    match load(file, &variables, flags.into_iter().map(|text| Flag::set(text)).collect()) {
        Ok(loaded) => tree(&loaded),
        Err(problems) => told(file, &problems),
    }
}

fn load(file: &[u8], variables: &Vec<(&str, &str)>, flags: Vec<Flag>) -> Result<Loaded, Vec<Problem>> {
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let machine = Machine { cores: 3 };
    settings::load(&Sources { flags, config: None, environment, files: &One(file), machine })
}

/// Each problem is one printable line, and one of the file names line and column in it.
fn told(file: &[u8], problems: &[Problem]) {
    assert!(!problems.is_empty(), "refused without a reason");
    let breaks = file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    for problem in problems {
        let text = problem.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(problem.wrong.len() + problem.advice.len() < LONGEST, "{text:?}");
        if let Some(place) = text.strip_prefix(FILE) {
            let mut numbers = place.split(':').skip(1).map_while(|part| part.parse::<usize>().ok());
            let (line, column) = (numbers.next().expect("a line"), numbers.next().expect("a column"));
            assert!((1..=breaks + 2).contains(&line) && column >= 1, "{text} of {breaks} lines");
        }
    }
    let report = settings::report(problems);
    assert!(report.lines().count() <= 102, "a report of {} lines", report.lines().count());
}

/// The values as they are explained give the same tree again, from flags, variables or a file.
fn tree(loaded: &Loaded) {
    let explained = settings::explain(loaded);
    assert_eq!(explained.lines().count(), loaded.provenance.len());
    assert!(!explained.contains(|c: char| c.is_control() && c != '\n'), "{explained:?}");
    let values: Vec<(&str, &str)> =
        loaded.provenance.iter().filter_map(|value| Some((value.name, value.value.as_deref()?))).collect();

    let flags = values.iter().map(|(name, value)| Flag::set(&format!("{name}={value}"))).collect();
    same(loaded, load(b"", &Vec::new(), flags), "flags");

    let variable = |name: &str| format!("LOGMILL_{}", name.to_uppercase().replace('.', "__"));
    let named: Vec<(String, &str)> = values.iter().map(|(name, value)| (variable(name), *value)).collect();
    let named = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    same(loaded, load(b"", &named, Vec::new()), "variables");

    let file = yaml(&values);
    same(loaded, load(file.as_bytes(), &Vec::new(), Vec::new()), &file);
}

fn same(loaded: &Loaded, again: Result<Loaded, Vec<Problem>>, from: &str) {
    let again = again.unwrap_or_else(|problems| panic!("{}{from}", settings::report(&problems)));
    assert_eq!(again.settings, loaded.settings, "{from}");
}

/// A settings file. The schema says which values stand without quotes.
fn yaml(values: &[(&str, &str)]) -> String {
    let schema = settings::schema();
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in values {
        let (section, key) = name.split_once('.').unwrap_or(("", name));
        let leaf = schema.pointer(&format!("/properties/{}", name.replace('.', "/properties/")));
        let kind = leaf.expect("the schema has every setting").get("type").and_then(Value::as_str);
        let plain = matches!(kind, Some("integer" | "boolean"));
        let value = if plain { (*value).to_owned() } else { Value::from(*value).to_string() };
        sections.entry(section).or_default().push(format!("{key}: {value}\n"));
    }
    let mut text = String::new();
    for (section, lines) in sections {
        let indent = if section.is_empty() { "" } else { "  " };
        if !section.is_empty() {
            _ = writeln!(text, "{section}:");
        }
        lines.iter().for_each(|line| _ = write!(text, "{indent}{line}"));
    }
    text
}
