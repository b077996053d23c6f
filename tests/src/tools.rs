//! The binary, Python, and waiting.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The binary under test: `LOGMILL_BINARY`, or what `cargo build` makes now.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("LOGMILL_BINARY") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments =
        ["build", "--quiet", "--package", "logmill", "--message-format", "json-render-diagnostics"];
    let mut command = Command::new(cargo);
    let built = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "cargo build failed:\n{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executable =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    executable.expect("cargo names the executable")
}

/// A file of `tests/checker`.
#[must_use]
pub fn checker(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("checker").join(name)
}

/// Runs a Python script; answers whether it succeeded, and everything that it printed.
#[must_use]
pub fn python(script: &Path, arguments: &[&str]) -> (bool, String) {
    let (code, text) = python_code(script, arguments);
    (code == Some(0), text)
}

/// Runs a Python script; answers its exit code, and everything that it printed.
pub(crate) fn python_code(script: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("python3");
    // Whatever the locale says, the scripts speak UTF-8.
    let ended = command
        .env("PYTHONUTF8", "1")
        .arg(script)
        .args(arguments)
        .output()
        .expect("python3 must be installed");
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned() + &errors)
}

/// Asks until there is an answer, and fails when there is none by the deadline.
pub fn eventually<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < deadline, "{what}: not within {deadline:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
