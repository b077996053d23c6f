//! Every answer of `POST /logs`: the receipt, or problem details (RFC 9457).

use axum::body::Body;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use logmill_http::{Refusal, Unfit, respond};
use logmill_model::{Excess, Invalid, RecordError};
use logmill_queue::{AppendError, Class, QueueError};
use serde_json::{Value, json};

/// Why a request is not taken.
#[derive(Debug)]
pub(crate) enum Problem {
    /// 400 for the request as a whole.
    Request(String),
    /// 400 with errors of records.
    Records(Vec<RecordError>),
    /// 405.
    Method,
    /// 408.
    TooSlow(&'static str),
    /// 409.
    InFlight,
    /// 413.
    TooLarge(String),
    /// 415.
    Unsupported(String),
    /// 422.
    KeyConflict,
    /// 429.
    Busy(&'static str),
    /// 503: nothing is stored.
    Unavailable(QueueError),
    /// 503: it may be stored.
    Unknown(QueueError),
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Malformed { errors } => Self::Records(errors),
            Invalid::TooLarge(excess) => Self::too_large(&excess),
        }
    }
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed(reason) => Self::Request(reason),
            Unfit::Unsupported(reason) => Self::Unsupported(reason),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(reason) => Self::Request(reason),
            Refusal::TooLarge(reason) => Self::TooLarge(reason),
            Refusal::Busy(reason) => Self::Busy(reason),
            Refusal::TooSlow(reason) => Self::TooSlow(reason),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::InFlight => Self::InFlight,
            AppendError::Refused(error) if error.class == Class::Invalid => Self::TooLarge(error.to_string()),
            AppendError::Refused(error) => Self::Unavailable(error),
            AppendError::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl Problem {
    fn too_large(excess: &Excess) -> Self {
        Self::TooLarge(excess.to_string())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::Records(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::InFlight => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::KeyConflict => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The problem's type, its title, and what is wrong this time.
    fn words(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Request(detail) => ("bad-request", "The request is malformed", detail.clone()),
            Self::Records(_) => (
                "invalid-records",
                "The body holds invalid records",
                "nothing of the batch is stored; `Prefer: handling=lenient` stores the valid records"
                    .to_owned(),
            ),
            Self::Method => {
                ("method-not-allowed", "Only POST is allowed", "send the batch with POST".to_owned())
            }
            Self::TooSlow(detail) => {
                ("body-too-slow", "The body did not arrive in time", (*detail).to_owned())
            }
            Self::InFlight => (
                "in-flight",
                "The same Idempotency-Key is in flight",
                "its outcome was not known within 5 s; repeat with the same key".to_owned(),
            ),
            Self::TooLarge(detail) => ("too-large", "The batch is over a limit", detail.clone()),
            Self::Unsupported(detail) => {
                ("unsupported", "The body's type or encoding is not known", detail.clone())
            }
            Self::KeyConflict => (
                "key-conflict",
                "The Idempotency-Key came with another body",
                "use a new key for a new batch".to_owned(),
            ),
            Self::Busy(detail) => ("busy", "Too much is in flight", (*detail).to_owned()),
            Self::Unavailable(_) => (
                "unavailable",
                "The queue cannot take the batch now",
                "nothing is stored; repeat later".to_owned(),
            ),
            Self::Unknown(_) => (
                "outcome-unknown",
                "The batch may be stored or not",
                "with an Idempotency-Key repeat it under the same one; without, a repetition may be stored twice".to_owned(),
            ),
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let status = self.status();
        let (name, title, detail) = self.words();
        let more = match &self {
            Self::Records(errors) => vec![("errors", errors_json(errors))],
            _ => Vec::new(),
        };
        let mut response = logmill_http::Problem { name, status, title, detail, more }.respond();
        let headers = response.headers_mut();
        match self {
            Self::Busy(_) | Self::InFlight | Self::Unavailable(_) | Self::Unknown(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
            // What is left of the body is not worth reading.
            Self::TooSlow(_) => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
            _ => {}
        }
        response
    }
}

fn errors_json(errors: &[RecordError]) -> Value {
    let one =
        |error: &RecordError| json!({ "index": error.index, "field": error.field, "reason": error.reason });
    errors.iter().map(one).collect()
}

/// What was taken.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub accepted: u32,
    pub duplicate: bool,
    pub batch_id: [u8; 16],
    pub errors: Vec<RecordError>,
}

impl Receipt {
    pub(crate) fn into_response(self) -> Response<Body> {
        let status = if self.duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
        let mut receipt = json!({
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "batchId": logmill_queue::batch_id_text(&self.batch_id),
        });
        if !self.errors.is_empty() {
            receipt["errors"] = errors_json(&self.errors);
        }
        respond(status, "application/json", &receipt)
    }
}
