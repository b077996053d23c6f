//! An engine on a folder of hourly files, and on a lake that nobody has made.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logmill_sink_iceberg::catalog::{SqliteCatalog, TableName};
use logmill_store::StoreConfig;
use logmill_world::World;
use prometheus::Registry;
use tokio::runtime::Handle;

use crate::config::{LakeSource, Limits, Sources, WebSource};
use crate::engine::{Engine, Question};
use crate::error::QueryError;
use crate::format::{Form, Writer};
use crate::metrics::QueryMetrics;

pub(crate) const LIMITS: Limits =
    Limits { max_rows: 1000, timeout: Duration::from_secs(60), memory: 64 << 20, concurrency: 4, threads: 2 };

/// An engine on `<dir>/logs` and `<dir>/lake`.
pub(crate) fn engine(dir: &Path, limits: Limits) -> Arc<Engine> {
    let world = World::real();
    let lake = LakeSource {
        catalog: Arc::new(SqliteCatalog::reader(&world, &dir.join("lake")).unwrap()),
        table: TableName::parse("default.logs").unwrap(),
        store: StoreConfig::default(),
    };
    let web = WebSource { dir: dir.to_path_buf(), default_customer: "default".to_owned() };
    let absent = vec![("elsewhere".to_owned(), "it is not here".to_owned())];
    let metrics = QueryMetrics::register(&Registry::new()).unwrap();
    let sources = Sources { lake: Some(lake), web: Some(web), absent };
    Engine::new(world, Handle::current(), sources, limits, metrics)
}

/// `SELECT` over pairs of the numbers `a.x` and `b.x`, each below 2,000.
pub(crate) fn pairs(columns: &str) -> String {
    let numbers: Vec<String> = (0..2000).map(|number| format!("({number})")).collect();
    format!("WITH v(x) AS (VALUES {}) SELECT {columns} FROM v AS a, v AS b", numbers.join(", "))
}

/// Writes an hourly file below `<dir>/logs`.
pub(crate) fn hour(dir: &Path, place: &str, lines: &str) {
    let path = dir.join("logs").join(place);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, lines).unwrap();
}

/// The answer in a form.
pub(crate) async fn answer(engine: &Arc<Engine>, sql: &str, form: Form) -> Result<String, QueryError> {
    let mut answer = engine.ask(Question { sql: sql.to_owned(), first: None }).await?;
    let mut writer = Writer::new(form, answer.schema())?;
    let mut bytes = Vec::new();
    while let Some(rows) = answer.next().await? {
        bytes.extend(writer.rows(&rows)?);
    }
    bytes.extend(writer.end()?);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
