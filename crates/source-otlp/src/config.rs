//! Settings of the source, validated by who builds them.

use logmill_otlp::Limits;
use logmill_queue::Topic;

/// How OTLP requests are taken.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// Where requests go.
    pub topic: Topic,
    /// What one request may ask for.
    pub limits: Limits,
    /// Most records of a request.
    pub max_records: u32,
}
