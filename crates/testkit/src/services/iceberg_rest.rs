//! An Iceberg REST catalog: Apache Iceberg's own servlet, with its tables in an S3 store.
//!
//! **Limits.** One node, 110 to 190 MB of memory; a start takes some seconds, the first one on a machine also fetches the servlet
//! (95 MB). No authentication. While the store is away it does not answer for minutes. What it has acknowledged survives a `kill`.

use std::path::PathBuf;
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;
use super::s3::S3;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/iceberg-rest.sh");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;

/// A catalog without tables.
///
/// Dropping it ends it hard and removes its folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct IcebergRest {
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

impl IcebergRest {
    /// Starts a catalog whose tables lie below `warehouse/` in the store's bucket, and waits until it serves.
    #[must_use]
    pub fn start(store: &S3) -> Self {
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Self::try_start(store) {
                Ok(catalog) => return catalog,
                Err(error) => reason = error,
            }
        }
        panic!("{reason}");
    }

    fn try_start(store: &S3) -> Result<Self, String> {
        let ports = Ports::free(&[0]);
        let folder = tempfile::Builder::new().prefix("logmill-iceberg-rest-").tempdir();
        // The script removes it, because it outlives this process.
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let mut script = Command::new(SCRIPT);
        script
            .env("AWS_ACCESS_KEY_ID", store.access_key())
            .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
            .arg("hold")
            .arg(&folder)
            .arg(ports.first().to_string())
            .arg(store.endpoint())
            .arg(format!("s3://{}/warehouse", store.bucket()));
        Ok(Self { holder: Holder::start(&mut script)?, folder, ports })
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    /// The end of what it has logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again with what it had, and waits until it serves.
    pub fn restart(&self) {
        self.order("kill");
        self.order("start");
    }

    fn order(&self, order: &str) {
        self.holder.order(order).unwrap_or_else(|reason| panic!("{order}: {reason}"));
    }
}

impl Drop for IcebergRest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of the catalog:\n{}", self.log_tail());
        }
    }
}
