//! Bodies of requests and answers (rest-catalog-open-api.yaml).

use std::collections::HashMap;

use logmill_queue::{Class, QueueError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Change, Creation, TableName};

/// `CatalogConfig`.
#[derive(Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    defaults: HashMap<String, String>,
    #[serde(default)]
    overrides: HashMap<String, String>,
}

impl Config {
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.overrides.get(name).or_else(|| self.defaults.get(name)).map(String::as_str)
    }
}

/// `LoadTableResult`.
#[derive(Deserialize)]
pub(super) struct Loaded<M> {
    #[serde(rename = "metadata-location")]
    pub location: Option<String>,
    pub metadata: M,
}

/// `IcebergErrorResponse`.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub error: Reason,
}

/// `ErrorModel`.
#[derive(Deserialize)]
pub(super) struct Reason {
    #[serde(default)]
    pub message: String,
    #[serde(default, rename = "type")]
    pub kind: String,
}

pub(super) fn new_namespace(namespace: &[String]) -> Value {
    json!({ "namespace": namespace, "properties": {} })
}

/// `CreateTableRequest`.
pub(super) fn new_table(name: &str, creation: &Creation) -> Result<Value, QueueError> {
    Ok(json!({
        "name": name,
        "schema": value(&creation.schema)?,
        "partition-spec": value(&creation.spec)?,
        "write-order": value(&creation.order)?,
        // What the protocol takes for granted; Nessie wants to hear it.
        "stage-create": false,
        "properties": creation.properties,
    }))
}

/// `CommitTableRequest`.
pub(super) fn commit(table: &TableName, change: &Change) -> Result<Value, QueueError> {
    Ok(json!({
        "identifier": { "namespace": table.namespace, "name": table.table },
        "requirements": value(&change.requirements)?,
        "updates": value(&change.updates)?,
    }))
}

fn value(of: &impl Serialize) -> Result<Value, QueueError> {
    serde_json::to_value(of)
        .map_err(|error| QueueError::caused(Class::Bug, "a request to the catalog", error))
}
