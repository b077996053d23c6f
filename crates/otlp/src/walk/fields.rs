//! The fields of an OTLP logs request: numbers and layouts of opentelemetry/proto/{collector/logs,logs,resource,common}/v1
//! of opentelemetry-proto 1.9. `KNOWN` has a bit for each number that a message knows.

/// `ExportLogsServiceRequest`.
pub(crate) mod request {
    use crate::wire::{BYTES, tag};

    pub(crate) const RESOURCE_LOGS: u32 = tag(1, BYTES);
    pub(crate) const KNOWN: u32 = 1 << 1;
}

/// `ResourceLogs`.
pub(crate) mod resource_logs {
    use crate::wire::{BYTES, tag};

    pub(crate) const RESOURCE: u32 = tag(1, BYTES);
    pub(crate) const SCOPE_LOGS: u32 = tag(2, BYTES);
    pub(crate) const SCHEMA_URL: u32 = tag(3, BYTES);
    pub(crate) const KNOWN: u32 = 0b1110;
}

/// `Resource`. Its `entity_refs` are in development, they are skipped like an unknown field.
pub(crate) mod resource {
    use crate::wire::{BYTES, VARINT, tag};

    pub(crate) const ATTRIBUTES: u32 = tag(1, BYTES);
    pub(crate) const DROPPED_ATTRIBUTES: u32 = tag(2, VARINT);
    pub(crate) const KNOWN: u32 = 0b110;
}

/// `ScopeLogs`.
pub(crate) mod scope_logs {
    use crate::wire::{BYTES, tag};

    pub(crate) const SCOPE: u32 = tag(1, BYTES);
    pub(crate) const LOG_RECORDS: u32 = tag(2, BYTES);
    pub(crate) const SCHEMA_URL: u32 = tag(3, BYTES);
    pub(crate) const KNOWN: u32 = 0b1110;
}

/// `InstrumentationScope`.
pub(crate) mod scope {
    use crate::wire::{BYTES, VARINT, tag};

    pub(crate) const NAME: u32 = tag(1, BYTES);
    pub(crate) const VERSION: u32 = tag(2, BYTES);
    pub(crate) const ATTRIBUTES: u32 = tag(3, BYTES);
    pub(crate) const DROPPED_ATTRIBUTES: u32 = tag(4, VARINT);
    pub(crate) const KNOWN: u32 = 0b11110;
}

/// `LogRecord`; the number 4 is reserved.
pub(crate) mod record {
    use crate::wire::{BYTES, FIXED32, FIXED64, VARINT, tag};

    pub(crate) const TIME: u32 = tag(1, FIXED64);
    pub(crate) const SEVERITY_NUMBER: u32 = tag(2, VARINT);
    pub(crate) const SEVERITY_TEXT: u32 = tag(3, BYTES);
    pub(crate) const BODY: u32 = tag(5, BYTES);
    pub(crate) const ATTRIBUTES: u32 = tag(6, BYTES);
    pub(crate) const DROPPED_ATTRIBUTES: u32 = tag(7, VARINT);
    pub(crate) const FLAGS: u32 = tag(8, FIXED32);
    pub(crate) const TRACE_ID: u32 = tag(9, BYTES);
    pub(crate) const SPAN_ID: u32 = tag(10, BYTES);
    pub(crate) const OBSERVED_TIME: u32 = tag(11, FIXED64);
    pub(crate) const EVENT_NAME: u32 = tag(12, BYTES);
    pub(crate) const KNOWN: u32 = 0b1_1111_1110_1110;
}

/// `KeyValue`.
pub(crate) mod pair {
    use crate::wire::{BYTES, tag};

    pub(crate) const KEY: u32 = tag(1, BYTES);
    pub(crate) const VALUE: u32 = tag(2, BYTES);
    pub(crate) const KNOWN: u32 = 0b110;
}

/// `AnyValue`, whose fields are one `oneof`.
pub(crate) mod value {
    use crate::wire::{BYTES, FIXED64, VARINT, tag};

    pub(crate) const STRING: u32 = tag(1, BYTES);
    pub(crate) const BOOL: u32 = tag(2, VARINT);
    pub(crate) const INT: u32 = tag(3, VARINT);
    pub(crate) const DOUBLE: u32 = tag(4, FIXED64);
    pub(crate) const ARRAY: u32 = tag(5, BYTES);
    pub(crate) const KVLIST: u32 = tag(6, BYTES);
    pub(crate) const BYTES_VALUE: u32 = tag(7, BYTES);
    pub(crate) const KNOWN: u32 = 0b1111_1110;
}

/// `ArrayValue` and `KeyValueList`.
pub(crate) mod list {
    use crate::wire::{BYTES, tag};

    pub(crate) const VALUES: u32 = tag(1, BYTES);
    pub(crate) const KNOWN: u32 = 0b10;
}
