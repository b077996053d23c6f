//! What the tests on a real ClickHouse have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logmill_courier::clickhouse::{ClickHouse, ClickHouseConfig, Statement};
use logmill_courier::{Columns, Layout};
use logmill_testkit::services;
use serde::Deserialize;

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

/// The columns of the table that it has.
pub(crate) async fn columns(client: &ClickHouse) -> Columns {
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    let names = "SELECT name FROM system.columns WHERE database = {database:String} AND table = 'access_logs_federated'";
    let names =
        client.rows::<Name>(&Statement::new(names).with("database", client.database())).await.unwrap();
    let names: BTreeSet<String> = names.into_iter().map(|column| column.name).collect();
    Columns::find("logs.access_logs_federated", &names, &BTreeMap::new()).unwrap()
}
