//! Posting a stored batch to a running logmill.

use logmill_model::Format;
use logmill_queue::Encoding;

use crate::exit::{Failure, IO, UNAVAILABLE};

/// A stored batch and the key under which it is sent.
pub(crate) struct Batch<'a> {
    /// Its encoding.
    pub(crate) encoding: Encoding,
    /// Whose it is; empty for the default.
    pub(crate) customer: &'a str,
    /// Makes a repetition harmless: at most 255 visible ASCII characters.
    pub(crate) key: &'a str,
    /// Its bytes.
    pub(crate) body: &'a [u8],
    /// Some of its records were rejected when it came.
    pub(crate) lenient: bool,
}

/// Posts a batch once.
///
/// # Errors
/// The server is away (69) or refuses the batch (74), with what it says.
pub(crate) fn post(url: &str, batch: &Batch<'_>) -> Result<(), Failure> {
    let (path, kind) = match Format::from_code(batch.encoding.0) {
        Some(Format::Json) => ("logs", "application/json"),
        Some(Format::Ndjson) => ("logs", "application/x-ndjson"),
        Some(Format::Csv) => ("logs", "text/csv"),
        None if batch.encoding.0 == logmill_otlp::ENCODING => ("v1/logs", "application/x-protobuf"),
        None => {
            return Err(Failure::new(IO, format!("encoding {} is nothing that was sent", batch.encoding.0)));
        }
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/{path}", url.trim_end_matches('/'));
    let mut request = agent.post(&url).header("content-type", kind).header("idempotency-key", batch.key);
    if !batch.customer.is_empty() {
        request = request.header("x-customer-id", batch.customer);
    }
    if batch.lenient {
        request = request.header("prefer", "handling=lenient");
    }
    let mut answer =
        request.send(batch.body).map_err(|error| Failure::new(UNAVAILABLE, format!("{url}: {error}")))?;
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    if answer.status().is_success() {
        return Ok(());
    }
    Err(Failure::new(IO, format!("{url} answered {}: {text}", answer.status())))
}
