//! Settings of the source, validated by who builds them.

use logmill_model::Limits;
use logmill_queue::Topic;
use std::time::Duration;

/// How `POST /logs` behaves.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Where batches go.
    pub topic: Topic,
    /// A request without `x-customer-id` is 400.
    pub require_customer: bool,
    /// The largest inflated body in bytes.
    pub max_batch_bytes: usize,
    /// Limits of a batch's records.
    pub limits: Limits,
    /// Bytes of bodies in memory at once.
    pub max_in_flight_bytes: u64,
    /// Requests in work at once.
    pub max_in_flight_requests: u64,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}
