//! The engine's own surroundings: functions, limits, and nothing that reads or writes a file.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionConfig;
use url::Url;

use crate::config::Limits;

/// The catalog in which all tables stand.
pub(crate) const CATALOG: &str = "logmill";
/// Functions that make as much as they are told to out of nothing: no limit counts what a function makes.
const ABSENT: [&str; 7] =
    ["repeat", "lpad", "rpad", "range", "generate_series", "array_repeat", "array_resize"];
/// Rows of a batch.
pub(crate) const BATCH: usize = 8192;

/// A state for one question. It has no file formats, no table functions, no stores and no place to spill to.
pub(crate) fn state(limits: &Limits, memory: Arc<dyn MemoryPool>, namespace: String) -> Result<SessionState> {
    let config = SessionConfig::from(options())
        .with_target_partitions(limits.threads)
        .with_batch_size(BATCH)
        .with_information_schema(false)
        .with_default_catalog_and_schema(CATALOG, namespace);
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(memory)
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(no_stores()?));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime.build_arc()?)
        .with_table_factories(HashMap::new())
        .with_file_formats(Vec::new())
        .with_table_function_list(Vec::new())
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions());
    Ok(state.build())
}

/// All functions of single values but those of [`ABSENT`].
fn functions() -> Vec<Arc<ScalarUDF>> {
    let all = SessionStateDefaults::default_scalar_functions().into_iter();
    all.filter(|function| !ABSENT.contains(&function.name())).collect()
}

fn options() -> ConfigOptions {
    let mut options = ConfigOptions::new();
    // They would run until the time is over.
    options.execution.enable_recursive_ctes = false;
    // Errors then know their place in the statement.
    options.sql_parser.collect_spans = true;
    options
}

/// The default knows the local file system; this one knows nothing.
fn no_stores() -> Result<DefaultObjectStoreRegistry> {
    let registry = DefaultObjectStoreRegistry::new();
    let files = Url::parse("file:///").map_err(|error| DataFusionError::External(Box::new(error)))?;
    registry.deregister_store(&files)?;
    Ok(registry)
}
