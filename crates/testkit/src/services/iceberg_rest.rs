//! An Iceberg REST catalog with its tables in an S3 store: Apache Iceberg's own servlet, or Nessie.
//!
//! **Limits.** One node, 110 to 380 MB of memory; a start takes 3 s (Nessie 10 to 20), the first one on a machine also fetches the
//! server (95 MB, Nessie 290). No authentication. What a catalog has acknowledged survives a `kill`. While the store is away the
//! servlet does not answer for minutes.

use super::held::Held;
use super::s3::S3;

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
    held: Held,
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
        // Nessie listens on the second port for questions about its health.
        let held = Held::start("catalog", product.script(), 2, |command, folder, port| {
            command
                .env("AWS_ACCESS_KEY_ID", store.access_key())
                .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
                .arg(folder)
                .arg(port.to_string())
                .arg(store.endpoint())
                .arg(format!("s3://{}/warehouse", store.bucket()));
        });
        Self { product, held }
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.held.endpoint()
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

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.held.kill();
    }

    /// Starts it again with what it had, and waits until it serves.
    pub fn restart(&self) {
        self.held.restart();
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
