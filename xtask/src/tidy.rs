//! House rules that no compiler knows. Each complaint names the file and what to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a production file.
const MAX_LINES: usize = 400;

/// What each room may know of the others (ARCHITECTURE.md has the table and the reasons).
const ROOMS: [(&str, &[&str]); 22] = [
    ("model", &[]),
    ("world", &[]),
    ("queue", &["world"]),
    ("queue-kafka", &["queue", "world"]),
    ("http", &["world"]),
    ("source-http", &["http", "model", "queue", "world"]),
    ("otlp", &[]),
    ("source-otlp", &["http", "otlp", "queue", "world"]),
    ("sink-iceberg", &["otlp", "queue", "store", "world"]),
    ("query", &["http", "model", "queue", "sink-iceberg", "store", "world"]),
    ("store", &["queue"]),
    ("courier", &["queue"]),
    ("raw-batches", &["model", "queue", "store"]),
    ("sink-files", &["model", "queue", "store", "world"]),
    ("rollup", &["model"]),
    ("analytics", &["http", "model", "queue", "rollup", "world"]),
    ("pipeline", &["queue", "world"]),
    ("admin", &["pipeline", "queue"]),
    (
        "app",
        &[
            "admin",
            "analytics",
            "dead-letters",
            "http",
            "model",
            "otlp",
            "pipeline",
            "query",
            "queue",
            "queue-kafka",
            "raw-batches",
            "rollup",
            "sink-files",
            "sink-iceberg",
            "source-http",
            "source-otlp",
            "store",
            "world",
        ],
    ),
    ("testkit", &["queue", "world"]),
    ("sim", &["analytics", "model", "pipeline", "queue", "sink-files", "store", "testkit", "world"]),
    ("dead-letters", &["model", "pipeline", "queue", "world"]),
];

/// The only file that may hold unsafe code: what the binding of librdkafka does not cover.
const UNSAFE: &str = "crates/queue-kafka/src/native.rs";

/// Words that no commit may hold: machine paths, and work left for later.
const BANNED: [&str; 5] = ["/work/", "/root/", "TODO", "FIXME", "#[ignore"];

/// Checks the tree; answers the complaints.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let files = tracked(root);
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        complaints.extend(source(root, file));
    }
    for file in files.iter().filter(|file| !is_exempt(file)) {
        complaints.extend(banned_words(root, file));
    }
    complaints.extend(rooms(root));
    complaints
}

fn tracked(root: &Path) -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git lists the files");
    let listed = String::from_utf8_lossy(&out.stdout).lines().map(PathBuf::from).collect::<Vec<_>>();
    listed.into_iter().filter(|path| root.join(path).is_file()).collect()
}

fn read(root: &Path, file: &Path) -> String {
    fs::read(root.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn is_exempt(file: &Path) -> bool {
    let name = file.to_string_lossy();
    name == "xtask/src/tidy.rs"
        || name == "Cargo.lock"
        || name.ends_with(".gz")
        || name.starts_with("tests/data/")
}

fn is_test(file: &Path) -> bool {
    let inside = |name: &str| file.components().any(|part| part.as_os_str() == name);
    file.file_name().is_some_and(|name| name == "tests.rs" || name == "testing.rs")
        || inside("tests")
        || inside("testkit")
        || inside("sim")
        || inside("xtask")
        || inside("bench")
        || inside("examples")
}

fn source(root: &Path, file: &Path) -> Vec<String> {
    let text = read(root, file);
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if !is_test(file) && lines > MAX_LINES {
        complaints.push(format!("{}: {lines} lines, at most {MAX_LINES}: split it", file.display()));
    }
    if text.contains("allow(unsafe_code)") && file != Path::new(UNSAFE) && !file.starts_with("xtask") {
        complaints.push(format!("{}: unsafe code belongs into {UNSAFE}", file.display()));
    }
    if !is_test(file) && text.contains("mod tests {") {
        complaints.push(format!("{}: tests belong into a sibling tests.rs", file.display()));
    }
    complaints
}

fn banned_words(root: &Path, file: &Path) -> Vec<String> {
    let text = read(root, file);
    let found = BANNED.iter().filter(|word| text.contains(**word));
    found.map(|word| format!("{}: holds {word:?}: take it out", file.display())).collect()
}

/// Every room has a README, takes the lint set, stands in ARCHITECTURE.md, and knows only what it may.
fn rooms(root: &Path) -> Vec<String> {
    let architecture = read(root, Path::new("ARCHITECTURE.md"));
    let mut complaints = Vec::new();
    let folders: BTreeSet<String> = fs::read_dir(root.join("crates"))
        .expect("there are rooms")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    for room in &folders {
        let folder = Path::new("crates").join(room);
        let manifest = read(root, &folder.join("Cargo.toml"));
        if !root.join(&folder).join("README.md").is_file() {
            complaints.push(format!("crates/{room}: has no README.md: begin it with the limits"));
        }
        if !manifest.contains("[lints]\nworkspace = true") {
            complaints.push(format!("crates/{room}: does not take the lints of the workspace"));
        }
        if !architecture.contains(&format!("`{room}`")) {
            complaints.push(format!("ARCHITECTURE.md: does not name the room `{room}`"));
        }
        complaints.extend(dependencies(room, &manifest));
    }
    complaints
}

fn dependencies(room: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("crates/{room}: is not in the table of rooms (xtask/src/tidy.rs)")];
    };
    let production = manifest.split("[dev-dependencies]").next().unwrap_or_default();
    let known = production.lines().filter_map(|line| line.strip_prefix("logmill-")?.split(['.', ' ']).next());
    let wrong = known.filter(|dependency| !allowed.contains(dependency));
    wrong.map(|dependency| format!("crates/{room}: must not know `{dependency}`")).collect()
}
