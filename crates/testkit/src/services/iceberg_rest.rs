//! An Iceberg REST catalog with its tables in an S3 store: Apache Iceberg's own servlet, or Nessie.
//!
//! **Limits.** One node, 110 to 380 MB of memory; a start takes 3 s (Nessie 10 to 20), the first one on a machine also fetches the
//! server (95 MB, Nessie 290). No authentication. What a catalog has acknowledged survives a `kill`. While the store is away the
//! servlet does not answer for minutes.

use std::path::PathBuf;
use std::process::Command;

use super::holder::Holder;
use super::ports::Ports;
use super::s3::S3;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services/");
/// Ports may be taken between the look and the start.
const TRIES: usize = 3;

/// Whose catalog it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Apache Iceberg's servlet over its JDBC catalog: the reference of the protocol.
    Servlet,
    /// Project Nessie: a table's metadata has its current snapshot only, because older ones belong to older commits of the catalog.
    Nessie,
}

/// A catalog without tables.
///
/// Dropping it ends it hard and removes its folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct IcebergRest {
    product: Product,
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

impl IcebergRest {
    /// Starts the servlet; its tables lie below `warehouse/` in the store's bucket. Waits until it serves.
    #[must_use]
    pub fn start(store: &S3) -> Self {
        Self::start_as(Product::Servlet, store)
    }

    /// The same with a product of choice.
    #[must_use]
    pub fn start_as(product: Product, store: &S3) -> Self {
        let mut reason = String::new();
        for _ in 0..TRIES {
            match Self::try_start(product, store) {
                Ok(catalog) => return catalog,
                Err(error) => reason = error,
            }
        }
        panic!("{reason}");
    }

    fn try_start(product: Product, store: &S3) -> Result<Self, String> {
        // Nessie listens on the second one for questions about its health.
        let ports = Ports::free(&[0, 1]);
        let folder = tempfile::Builder::new().prefix("logmill-catalog-").tempdir();
        // The script removes it, because it outlives this process.
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?.keep();
        let mut script = Command::new(format!("{SCRIPTS}{}", product.script()));
        script
            .env("AWS_ACCESS_KEY_ID", store.access_key())
            .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
            .arg("hold")
            .arg(&folder)
            .arg(ports.first().to_string())
            .arg(store.endpoint())
            .arg(format!("s3://{}/warehouse", store.bucket()));
        Ok(Self { product, holder: Holder::start(&mut script)?, folder, ports })
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    /// What stands between the endpoint and `/v1`.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self.product {
            Product::Servlet => "",
            Product::Nessie => "/iceberg",
        }
    }

    /// Endpoint and path: what clients are told.
    #[must_use]
    pub fn uri(&self) -> String {
        self.endpoint() + self.path()
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

impl Product {
    fn script(self) -> &'static str {
        match self {
            Self::Servlet => "iceberg-rest.sh",
            Self::Nessie => "nessie.sh",
        }
    }
}

impl Drop for IcebergRest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of the catalog:\n{}", self.log_tail());
        }
    }
}
