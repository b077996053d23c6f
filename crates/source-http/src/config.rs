//! Settings of the source, validated by who builds them.

use logmill_model::Limits;
use logmill_queue::Topic;

/// How `POST /logs` behaves.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Where batches go.
    pub topic: Topic,
    /// A request without `x-customer-id` is 400.
    pub require_customer: bool,
    /// Limits of a batch's records.
    pub limits: Limits,
}
