//! The hourly files as a reader sees them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A line of an hourly file.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The file below `logs/`, for example `acme/2015-05-17/10.log.json`.
    pub file: String,
    /// The record.
    pub record: Value,
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// All files below `<data>/logs` but those of the sink itself.
#[must_use]
pub fn hourly_files(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&data.join("logs"), &mut found);
    found.sort();
    found
}

/// All lines of all hourly files. Each must be whole and JSON.
#[must_use]
pub fn lines_below(data: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for path in hourly_files(data) {
        let text = std::fs::read_to_string(&path).expect("an hourly file is UTF-8");
        assert!(text.is_empty() || text.ends_with('\n'), "{} ends in half a line", path.display());
        let file = path.strip_prefix(data.join("logs")).expect("below logs").to_string_lossy().into_owned();
        for line in text.lines() {
            let record = serde_json::from_str(line).unwrap_or_else(|e| panic!("{file}: {e}: {line}"));
            lines.push(Line { file: file.clone(), record });
        }
    }
    lines
}

/// The values of one field of all records, sorted.
#[must_use]
pub fn records_of(data: &Path, field: &str) -> Vec<String> {
    let text = |line: &Line| match &line.record[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut values: Vec<String> = lines_below(data).iter().map(text).collect();
    values.sort();
    values
}
