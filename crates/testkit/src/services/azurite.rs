//! Azure's blobs: Azurite, the store that Microsoft makes for tests.
//!
//! **Limits.** One account, which everybody knows; everything in memory; a start takes some seconds, the first one on a
//! machine also fetches the store (770 MB on disk). It keeps the condition of a put: one that may only create answers 409
//! where a blob is.

use std::path::PathBuf;
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/azurite.sh");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;

/// A store with one container.
///
/// Dropping it ends it hard and removes its folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct Azurite {
    folder: PathBuf,
    _holder: Holder,
    ports: Ports,
}

impl Azurite {
    /// Starts a store, makes the container, and waits until both serve. A container's name has 3 characters at least.
    #[must_use]
    pub fn start(container: &str) -> Self {
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Self::try_start(container) {
                Ok(store) => return store,
                Err(error) => reason = error,
            }
        }
        panic!("{reason}");
    }

    fn try_start(container: &str) -> Result<Self, String> {
        let ports = Ports::free(&[0]);
        let folder = tempfile::Builder::new().prefix("logmill-azurite-").tempdir();
        // The script removes it, because it outlives this process.
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let mut script = Command::new(SCRIPT);
        script.arg("hold").arg(&folder).arg(ports.first().to_string()).arg(container);
        Ok(Self { _holder: Holder::start(&mut script)?, folder, ports })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    /// What the environment of a client has to say, so that it comes here with the account that everybody knows.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()), ("AZURITE_BLOB_STORAGE_URL", self.endpoint())]
    }

    /// Everything that it has logged; each request is a line that ends with the status of its answer.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the end of the log of Azurite:\n{}",
                lines[lines.len().saturating_sub(30)..].join("\n")
            );
        }
    }
}
