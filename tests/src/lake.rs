//! Senders of OpenTelemetry logs, and those who read the lake: the SDK, PyIceberg and DuckDB.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::tools::{checker, python};

/// Numbered records that an SDK sends, and what it was told of them.
#[derive(Debug)]
pub struct Sender {
    child: Child,
    told: PathBuf,
}

/// How and how much an SDK sends.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// In front of the ids of its records; also the name of the file of what it was told.
    pub client: &'a str,
    /// `http` or `grpc`.
    pub protocol: &'a str,
    /// Where to.
    pub to: SocketAddr,
    /// How many.
    pub records: u32,
    /// So many in a request.
    pub batch: u32,
    /// Further options of `otlp_send.py`.
    pub options: &'a [&'a str],
}

impl Sending<'_> {
    /// Starts to send; what it is told goes to a file below `folder`.
    #[must_use]
    pub fn start(&self, folder: &Path) -> Sender {
        let told = folder.join(format!("{}.tsv", self.client));
        let mut command = Command::new("python3");
        command.env("PYTHONUTF8", "1").arg(checker("otlp_send.py")).args(["sdk", self.protocol]);
        command.arg(format!("http://{}", self.to)).args(["--client", self.client]);
        command.args(["--records", &self.records.to_string(), "--batch", &self.batch.to_string()]);
        command.arg("--out").arg(&told).args(self.options);
        let child = command.stdin(Stdio::null()).spawn().expect("python3 must be installed");
        Sender { child, told }
    }

    /// Sends all of it; each record is accepted.
    #[must_use]
    pub fn run(&self, folder: &Path) -> PathBuf {
        self.start(folder).ended()
    }
}

impl Sender {
    /// Whether it still sends.
    pub fn is_sending(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits until all is sent and accepted; answers the file of what it was told.
    ///
    /// # Panics
    /// The SDK gave up.
    #[must_use]
    pub fn ended(mut self) -> PathBuf {
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "the SDK gave up: {status}");
        std::mem::take(&mut self.told)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A lake as `lake_rows.py` is told of it.
#[derive(Clone, Debug)]
pub struct Lake(Vec<String>);

impl Lake {
    /// That of a data folder.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let catalog = dir.join("lake/catalog.db").to_string_lossy().into_owned();
        Self(vec!["--sqlite".to_owned(), catalog])
    }

    /// Behind a REST catalog, in an S3 store.
    #[must_use]
    pub fn rest(uri: &str, endpoint: &str, key: &str, secret: &str) -> Self {
        let arguments = ["--rest", uri, "--s3-endpoint", endpoint, "--key", key, "--secret", secret];
        Self(arguments.map(str::to_owned).to_vec())
    }

    fn ask(&self, script: &str, first: &[&str], more: &[&str]) -> (bool, String) {
        let lake = self.0.iter().map(String::as_str);
        let arguments: Vec<&str> = first.iter().copied().chain(lake).chain(more.iter().copied()).collect();
        python(&checker(script), &arguments)
    }

    /// All rows as `engine` (`pyiceberg`, `duckdb`) reads them: a line of JSON each, sorted.
    #[must_use]
    pub fn rows(&self, engine: &str) -> String {
        let (good, text) = self.ask("lake_rows.py", &[], &["--engine", engine]);
        assert!(good, "{text}");
        text
    }

    /// What `lake_sql.py` prints for these options and statements.
    #[must_use]
    pub fn sql(&self, arguments: &[&str]) -> String {
        let (good, text) = self.ask("lake_sql.py", &[], arguments);
        assert!(good, "{text}");
        text
    }

    /// Deletes rows merge-on-read, as `lake_delete.py` is told to.
    pub fn delete(&self, arguments: &[&str]) {
        let (good, text) = self.ask("lake_delete.py", &[], arguments);
        assert!(good, "{text}");
    }

    /// Compares the rows with what senders were told: each accepted record is there once, as it was sent, and nothing else.
    pub fn check(&self, told: &[PathBuf], engine: &str) {
        let told: Vec<&str> = told.iter().map(|path| path.to_str().expect("a path of ours")).collect();
        let (good, text) = self.ask("lake_check.py", &told, &["--engine", engine]);
        assert!(good && text.contains("missing 0 duplicate 0 altered 0 invented 0"), "{text}");
    }

    /// What PyIceberg knows of the table: `snapshots`, `current`, `files`, `rows`, `bytes`.
    #[must_use]
    pub fn look(&self) -> serde_json::Value {
        let (good, text) = self.ask("lake_table.py", &[], &["look"]);
        assert!(good, "{text}");
        serde_json::from_str(&text).expect("it prints an object")
    }

    /// Changes the table as another engine would: `property NAME VALUE`, or `rollback`.
    pub fn change(&self, arguments: &[&str]) {
        let (good, text) = self.ask("lake_table.py", &[], arguments);
        assert!(good, "{text}");
    }
}
