//! The messages of an OTLP logs request by the names that their fields have in JSON: opentelemetry/proto/
//! {collector/logs,logs,resource,common}/v1 of opentelemetry-proto 1.9.

/// A message and its fields.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) fields: &'static [Field],
}

/// A field, which senders may name in either way.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    snake_name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

/// What stands in a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Bool,
    Int64,
    Uint32,
    Fixed32,
    Fixed64,
    Double,
    Severity,
    Base64,
    /// Bytes that OTLP writes in hexadecimal digits, other than protobuf's own mapping.
    Hex,
    Message(&'static Message),
    /// A message that counts as a level of nesting.
    List(&'static Message),
}

impl Message {
    pub(super) fn field(&self, name: &[u8]) -> Option<&'static Field> {
        let known = |field: &&Field| field.name.as_bytes() == name || field.snake_name.as_bytes() == name;
        self.fields.iter().find(known)
    }
}

const fn one(number: u32, name: &'static str, snake_name: &'static str, kind: Kind) -> Field {
    Field { name, snake_name, number, kind, repeated: false }
}

const fn many(number: u32, name: &'static str, snake_name: &'static str, kind: Kind) -> Field {
    Field { name, snake_name, number, kind, repeated: true }
}

const DROPPED: &str = "droppedAttributesCount";
const DROPPED_SNAKE: &str = "dropped_attributes_count";

pub(super) static REQUEST: Message =
    Message { fields: &[many(1, "resourceLogs", "resource_logs", Kind::Message(&RESOURCE_LOGS))] };

static RESOURCE_LOGS: Message = Message {
    fields: &[
        one(1, "resource", "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeLogs", "scope_logs", Kind::Message(&SCOPE_LOGS)),
        one(3, "schemaUrl", "schema_url", Kind::Text),
    ],
};

static RESOURCE: Message = Message {
    fields: &[
        many(1, "attributes", "attributes", Kind::Message(&KEY_VALUE)),
        one(2, DROPPED, DROPPED_SNAKE, Kind::Uint32),
        many(3, "entityRefs", "entity_refs", Kind::Message(&ENTITY_REF)),
    ],
};

static ENTITY_REF: Message = Message {
    fields: &[
        one(1, "schemaUrl", "schema_url", Kind::Text),
        one(2, "type", "type", Kind::Text),
        many(3, "idKeys", "id_keys", Kind::Text),
        many(4, "descriptionKeys", "description_keys", Kind::Text),
    ],
};

static SCOPE_LOGS: Message = Message {
    fields: &[
        one(1, "scope", "scope", Kind::Message(&SCOPE)),
        many(2, "logRecords", "log_records", Kind::Message(&LOG_RECORD)),
        one(3, "schemaUrl", "schema_url", Kind::Text),
    ],
};

static SCOPE: Message = Message {
    fields: &[
        one(1, "name", "name", Kind::Text),
        one(2, "version", "version", Kind::Text),
        many(3, "attributes", "attributes", Kind::Message(&KEY_VALUE)),
        one(4, DROPPED, DROPPED_SNAKE, Kind::Uint32),
    ],
};

static LOG_RECORD: Message = Message {
    fields: &[
        one(1, "timeUnixNano", "time_unix_nano", Kind::Fixed64),
        one(2, "severityNumber", "severity_number", Kind::Severity),
        one(3, "severityText", "severity_text", Kind::Text),
        one(5, "body", "body", Kind::Message(&ANY_VALUE)),
        many(6, "attributes", "attributes", Kind::Message(&KEY_VALUE)),
        one(7, DROPPED, DROPPED_SNAKE, Kind::Uint32),
        one(8, "flags", "flags", Kind::Fixed32),
        one(9, "traceId", "trace_id", Kind::Hex),
        one(10, "spanId", "span_id", Kind::Hex),
        one(11, "observedTimeUnixNano", "observed_time_unix_nano", Kind::Fixed64),
        one(12, "eventName", "event_name", Kind::Text),
    ],
};

static KEY_VALUE: Message = Message {
    fields: &[one(1, "key", "key", Kind::Text), one(2, "value", "value", Kind::Message(&ANY_VALUE))],
};

pub(super) static ANY_VALUE: Message = Message {
    fields: &[
        one(1, "stringValue", "string_value", Kind::Text),
        one(2, "boolValue", "bool_value", Kind::Bool),
        one(3, "intValue", "int_value", Kind::Int64),
        one(4, "doubleValue", "double_value", Kind::Double),
        one(5, "arrayValue", "array_value", Kind::List(&ARRAY_VALUE)),
        one(6, "kvlistValue", "kvlist_value", Kind::List(&KEY_VALUE_LIST)),
        one(7, "bytesValue", "bytes_value", Kind::Base64),
    ],
};

static ARRAY_VALUE: Message = Message { fields: &[many(1, "values", "values", Kind::Message(&ANY_VALUE))] };

static KEY_VALUE_LIST: Message =
    Message { fields: &[many(1, "values", "values", Kind::Message(&KEY_VALUE))] };
