//! The table in an S3 store, behind a REST catalog.

use logmill_e2e::Lake;
use logmill_testkit::services::iceberg_rest::{IcebergRest, Product};
use logmill_testkit::services::proxy::FaultyProxy;
use logmill_testkit::services::s3::{Kind, S3};

use super::crash::killed;
use crate::samples::number;

const KILLS: u32 = 3;

/// A store, a catalog that has its tables there, and how to reach them.
pub(crate) struct Behind {
    store: S3,
    catalog: IcebergRest,
}

impl Behind {
    pub(crate) fn start() -> Self {
        Self::of(Product::Servlet)
    }

    fn of(product: Product) -> Self {
        let kind = match product {
            Product::Servlet => Kind::Conditional,
            // Its paths are longer than the file names of the other store may be.
            Product::Nessie => Kind::Overwriting,
        };
        let store = S3::start(kind, "lake");
        let catalog = IcebergRest::start_as(product, &store);
        Self { store, catalog }
    }

    /// The settings of a server that reaches the catalog through a proxy.
    pub(crate) fn settings(&self, proxy: &FaultyProxy) -> [String; 4] {
        self.settings_through(proxy, &self.store.endpoint())
    }

    /// The same for a server that reaches the store at this address.
    pub(crate) fn settings_through(&self, proxy: &FaultyProxy, store: &str) -> [String; 4] {
        self.reached(&proxy.endpoint(), store)
    }

    /// The settings of a server that has nothing in between.
    pub(crate) fn direct(&self) -> [String; 4] {
        self.reached(&self.catalog(), &self.store.endpoint())
    }

    fn reached(&self, catalog: &str, store: &str) -> [String; 4] {
        [
            format!("lake.catalog.uri={catalog}{}", self.catalog.path()),
            format!("lake.s3.endpoint={store}"),
            format!("lake.s3.access_key={}", self.store.access_key()),
            format!("lake.s3.secret_key={}", self.store.secret_key()),
        ]
    }

    pub(crate) fn store(&self) -> &S3 {
        &self.store
    }

    /// The catalog's own place, without a path.
    pub(crate) fn catalog(&self) -> String {
        self.catalog.endpoint()
    }

    /// For those who read it.
    pub(crate) fn lake(&self) -> Lake {
        let (key, secret) = (self.store.access_key(), self.store.secret_key());
        Lake::rest(&self.catalog.uri(), &self.store.endpoint(), key, secret)
    }
}

/// The catalog refuses one request in five, and half of those only after it has done them.
fn killed_behind(product: Product) {
    let (folder, behind) = (tempfile::tempdir().unwrap(), Behind::of(product));
    let proxy = FaultyProxy::start(&behind.catalog(), number("LOGMILL_TEST_SEED", 1));
    let (mut server, told) = killed(folder.path(), KILLS, &behind.settings(&proxy));
    println!("refused {} before and {} after", proxy.refused_before(), proxy.refused_after());
    assert!(proxy.refused_after() > 0, "the catalog was never in the way");
    behind.lake().check(&told, "pyiceberg");
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    behind.lake().check(&told, "duckdb");
}

#[test]
fn a_server_killed_under_load_has_each_record_once_behind_a_rest_catalog() {
    killed_behind(Product::Servlet);
}

#[test]
fn a_server_killed_under_load_has_each_record_once_behind_nessie() {
    killed_behind(Product::Nessie);
}
