//! What a receiver answers: the response of the OTLP logs service and `google.rpc.Status`, in both encodings.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::json;

use crate::wire::Writer;

/// `ExportLogsServiceResponse` for a request that was taken as a whole, as protobuf: `partial_success` is not set.
pub const SUCCESS_PROTOBUF: &[u8] = b"";

/// The same as JSON.
pub const SUCCESS_JSON: &[u8] = b"{}";

/// Where the types of details have their names (google/protobuf/any.proto).
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.Status` (google/rpc/status.proto), the body of every answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// A number of `google.rpc.Code` (google/rpc/code.proto), such as 3 for `INVALID_ARGUMENT`.
    pub code: i32,
    /// One sentence for whoever runs the sender.
    pub message: String,
    /// When to send the same again, as the detail `google.rpc.RetryInfo` (google/rpc/error_details.proto). Without it a
    /// sender must not repeat what was refused with `RESOURCE_EXHAUSTED`.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// The message as protobuf.
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.number(1, self.code as u64);
        out.string(2, self.message.as_bytes());
        if let Some(delay) = self.retry_after {
            let any = out.open(3);
            out.string(1, RETRY_INFO.as_bytes());
            let info = out.open(2);
            let duration = out.open(1);
            out.number(1, delay.as_secs());
            out.number(2, u64::from(delay.subsec_nanos()));
            out.close(duration);
            out.close(info);
            out.close(any);
        }
        out.into_bytes()
    }

    /// The message in the JSON mapping of protobuf.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut status = json!({ "code": self.code, "message": self.message });
        if let Some(delay) = self.retry_after {
            status["details"] = json!([{ "@type": RETRY_INFO, "retryDelay": seconds(delay) }]);
        }
        status.to_string().into_bytes()
    }
}

/// A duration in the JSON mapping: seconds with no, three, six or nine digits behind the point.
fn seconds(delay: Duration) -> String {
    let nanos = delay.subsec_nanos();
    let fraction = match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    format!("{}{fraction}s", delay.as_secs())
}
