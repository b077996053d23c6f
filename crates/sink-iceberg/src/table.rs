//! The table `logs`: its columns, partitioning, order and properties, and whether a table is one that we can write.
//!
//! Field ids are those of `spec/otlp-lake.md` in the table's order, the map's key and value after them: a catalog that numbers the
//! columns of a new table by itself comes to the same ids.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{
    FormatVersion, MapType, NestedField, NullOrder, PartitionSpec, PrimitiveType, Schema, SortDirection,
    SortField, SortOrder, TableMetadata, Transform, Type, UnboundPartitionField, UnboundPartitionSpec,
};
use logmill_queue::{Class, QueueError};

use crate::catalog::{Creation, TableName};

/// Where the ids of partition fields begin (Iceberg specification, "Partition Evolution").
const FIRST_PARTITION_ID: i32 = 1000;
/// Field id of `timestamp`, the source of the partitioning.
pub(crate) const TIMESTAMP: i32 = 1;
/// Field id of `service_name`, by which files are sorted first.
const SERVICE_NAME: i32 = 8;
/// The column with the bloom filter.
pub(crate) const TRACE_ID: &str = "trace_id";
/// The property that asks for the removal of old metadata files.
pub(crate) const DELETE_OLD_METADATA: &str = "write.metadata.delete-after-commit.enabled";
const ATTRIBUTES: i32 = 13;
const ATTRIBUTE_KEY: i32 = 14;
const ATTRIBUTE_VALUE: i32 = 15;
const PARTITION_FIELD: &str = "timestamp_day";

/// The columns with their types, in order; ids from 1 on.
const COLUMNS: [(&str, PrimitiveType); 12] = [
    ("timestamp", PrimitiveType::Timestamptz),
    ("timestamp_nanos", PrimitiveType::Long),
    ("severity", PrimitiveType::String),
    ("severity_number", PrimitiveType::Int),
    ("body", PrimitiveType::String),
    ("trace_id", PrimitiveType::String),
    ("span_id", PrimitiveType::String),
    ("service_name", PrimitiveType::String),
    ("deployment_environment", PrimitiveType::String),
    ("host_name", PrimitiveType::String),
    ("event_name", PrimitiveType::String),
    ("scope_name", PrimitiveType::String),
];

/// Properties of a new table; others are the engines' defaults.
const PROPERTIES: [(&str, &str); 6] = [
    ("write.parquet.compression-codec", "zstd"),
    ("write.parquet.bloom-filter-enabled.column.trace_id", "true"),
    ("write.target-file-size-bytes", "268435456"),
    ("write.metadata.metrics.default", "truncate(16)"),
    ("write.metadata.previous-versions-max", "100"),
    (DELETE_OLD_METADATA, "true"),
];

fn fields() -> Vec<Arc<NestedField>> {
    let mut fields: Vec<Arc<NestedField>> = Vec::new();
    for (id, (name, kind)) in (1..).zip(COLUMNS) {
        fields.push(Arc::new(NestedField::optional(id, name, Type::Primitive(kind))));
    }
    let text = || Type::Primitive(PrimitiveType::String);
    let map = MapType::new(
        Arc::new(NestedField::map_key_element(ATTRIBUTE_KEY, text())),
        Arc::new(NestedField::map_value_element(ATTRIBUTE_VALUE, text(), false)),
    );
    fields.push(Arc::new(NestedField::optional(ATTRIBUTES, "attributes", Type::Map(map))));
    fields
}

/// What a new table is made of.
///
/// # Errors
/// A mistake in this file.
pub(crate) fn creation() -> Result<Creation, QueueError> {
    made().map_err(|error| QueueError::caused(Class::Bug, "the columns of the table of logs", error))
}

/// The columns of the table of logs, as it is created.
///
/// # Errors
/// A mistake in this file.
pub fn schema() -> Result<Schema, QueueError> {
    own_schema().map_err(|error| QueueError::caused(Class::Bug, "the columns of the table of logs", error))
}

fn own_schema() -> iceberg::Result<Schema> {
    Schema::builder().with_schema_id(0).with_fields(fields()).build()
}

fn made() -> iceberg::Result<Creation> {
    let schema = own_schema()?;
    // The id may be left out, but Java's catalogs do not take it without.
    // The protocol lets the id out and the catalog choose; Nessie refuses a table without it.
    let day = UnboundPartitionField::builder()
        .source_id(TIMESTAMP)
        .field_id(FIRST_PARTITION_ID)
        .name(PARTITION_FIELD.to_owned())
        .transform(Transform::Day)
        .build();
    let spec = UnboundPartitionSpec::builder().with_spec_id(0).add_partition_fields([day])?.build();
    let order = order().build_unbound()?;
    let properties = PROPERTIES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Creation { schema, spec, order, properties: HashMap::from(properties) })
}

fn order() -> iceberg::spec::SortOrderBuilder {
    let field = |id| {
        SortField::builder()
            .source_id(id)
            .transform(Transform::Identity)
            .direction(SortDirection::Ascending)
            .null_order(NullOrder::First)
            .build()
    };
    let mut order = SortOrder::builder();
    order.with_order_id(1).with_sort_field(field(SERVICE_NAME)).with_sort_field(field(TIMESTAMP));
    order
}

/// The id of our order in a table; none if it does not have it, then files say nothing of their order.
pub(crate) fn order_id(metadata: &TableMetadata) -> Option<i32> {
    let ours = order().build_unbound().ok()?;
    let found = metadata.sort_orders_iter().find(|order| order.fields == ours.fields)?;
    i32::try_from(found.order_id).ok()
}

/// Whether a table is one that we can write.
///
/// # Errors
/// `Invalid`, with what differs and what to do.
pub(crate) fn check(table: &TableName, metadata: &TableMetadata) -> Result<(), QueueError> {
    difference(metadata).map_or(Ok(()), |what| {
        let reason = format!(
            "the table {table} cannot be written: {what}. Change it back with the engine that changed it, or name another lake.table"
        );
        Err(QueueError::new(Class::Invalid, reason))
    })
}

fn difference(metadata: &TableMetadata) -> Option<String> {
    if metadata.format_version() != FormatVersion::V2 {
        return Some(format!("it has format {}, 2 is expected", metadata.format_version()));
    }
    let Some(schema) = metadata.schema_by_id(metadata.current_schema_id()) else {
        return Some("its current schema is missing".to_owned());
    };
    columns(schema).or_else(|| partitioning(metadata.default_partition_spec()))
}

fn columns(schema: &Schema) -> Option<String> {
    let ours = fields();
    for field in &ours {
        let found = schema.field_by_id(field.id).map(|found| &*found.field_type);
        if found != Some(&*field.field_type) {
            return Some(match found {
                Some(kind) => {
                    format!(
                        "column {} ({}) has the type {kind} instead of {}",
                        field.name, field.id, field.field_type
                    )
                }
                None => format!("column {} ({}) is missing", field.name, field.id),
            });
        }
    }
    let known = |id| ours.iter().any(|field| field.id == id);
    let strange = schema.as_struct().fields().iter().find(|field| field.required && !known(field.id));
    strange.map(|field| format!("column {} is required, and we have no values for it", field.name))
}

fn partitioning(spec: &PartitionSpec) -> Option<String> {
    match spec.fields() {
        [only] if only.source_id == TIMESTAMP && only.transform == Transform::Day => None,
        _ => Some("it is not partitioned by day(timestamp) alone".to_owned()),
    }
}
