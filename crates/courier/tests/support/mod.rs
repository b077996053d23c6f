//! What the tests on a real ClickHouse have in common.

use std::time::Duration;

use logmill_courier::Layout;
use logmill_courier::clickhouse::{ClickHouse, ClickHouseConfig, Statement};
use logmill_testkit::services;

/// A client of these servers.
pub(crate) fn client(urls: &[String], password: &str) -> ClickHouse {
    let config = ClickHouseConfig {
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        database: "logs".to_owned(),
        username: "default".to_owned(),
        password: password.to_owned(),
        timeout: Duration::from_secs(30),
    };
    ClickHouse::new(config).unwrap()
}

/// A client of a server with our tables, made twice: the second time finds them.
pub(crate) async fn with_tables(server: &services::clickhouse::ClickHouse) -> ClickHouse {
    let client = client(&[server.endpoint()], "");
    let layout =
        Layout { database: "logs".to_owned(), cluster: None, retention: Duration::from_secs(7 * 86_400) };
    for statement in [layout.statements(), layout.statements()].concat() {
        client.run(&Statement::new(statement)).await.unwrap();
    }
    client
}
