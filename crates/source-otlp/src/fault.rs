//! Why a request is not taken, and what that is called in both protocols.
//!
//! Source: the OTLP specification (failures, throttling), `google/rpc/code.proto`. Clients drop what is answered by a status
//! that is not among those they retry, so that whatever a retry can cure is one of 429 and 503.

use std::time::Duration;

use hyper::StatusCode;
use logmill_http::{Refusal, Unfit};
use logmill_otlp::{Invalid, Status};
use logmill_queue::{AppendError, Class};

/// When a client is asked to come again.
const RETRY: Duration = Duration::from_secs(1);

const UNKNOWN: &str =
    "the request may be stored or not; repeat it, with an Idempotency-Key under the same one";

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no OTLP request.
    Invalid(String),
    /// Not POST.
    Method,
    /// Its type or compression is not known here.
    Unsupported(String),
    /// No such service or method (gRPC).
    Unknown,
    /// Over a limit that stays.
    TooLarge(String),
    /// The idempotency key came with another body.
    Conflict,
    /// Too much is in flight.
    Busy(&'static str),
    /// It cannot be taken now.
    Unavailable(&'static str),
    /// The body did not come in time; the connection has the rest of it in it.
    TooSlow(&'static str),
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed(reason) => Self::Invalid(reason),
            Unfit::Unsupported(reason) => Self::Unsupported(reason),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(reason) => Self::Invalid(reason),
            Refusal::TooLarge(reason) => Self::TooLarge(reason),
            Refusal::Busy(reason) => Self::Busy(reason),
            Refusal::TooSlow(reason) => Self::TooSlow(reason),
        }
    }
}

impl From<Invalid> for Fault {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid.to_string())
    }
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::InFlight => Self::Unavailable(
                "the same Idempotency-Key is in flight, its outcome was not known in time; repeat with the same key",
            ),
            AppendError::Refused(error) if error.class == Class::Invalid => Self::TooLarge(error.to_string()),
            AppendError::Refused(error) => {
                tracing::error!(%error, "a request was not stored");
                Self::Unavailable("the queue cannot take the request now; nothing is stored, repeat later")
            }
            AppendError::Unknown(error) => {
                tracing::error!(%error, "it is not known whether a request was stored");
                Self::Unavailable(UNKNOWN)
            }
        }
    }
}

impl Fault {
    /// What becomes of a request of which a part is stored: only a repetition can store the rest.
    pub(crate) fn half_stored(self) -> Self {
        tracing::error!(reason = self.message(), "only a part of a request was stored");
        Self::Unavailable(UNKNOWN)
    }

    /// The status of HTTP.
    pub(crate) fn http(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Conflict => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::TooSlow(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code of gRPC and its name.
    pub(crate) fn grpc(&self) -> (i32, &'static str) {
        match self {
            Self::Invalid(_) => (3, "INVALID_ARGUMENT"),
            Self::Conflict => (6, "ALREADY_EXISTS"),
            Self::TooLarge(_) | Self::Busy(_) => (8, "RESOURCE_EXHAUSTED"),
            Self::Method | Self::Unknown | Self::Unsupported(_) => (12, "UNIMPLEMENTED"),
            Self::Unavailable(_) | Self::TooSlow(_) => (14, "UNAVAILABLE"),
        }
    }

    /// When the same request may come again; never, if none.
    pub(crate) fn retry(&self) -> Option<Duration> {
        matches!(self, Self::Busy(_) | Self::Unavailable(_) | Self::TooSlow(_)).then_some(RETRY)
    }

    /// What is wrong, and what to do.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Invalid(text) | Self::Unsupported(text) | Self::TooLarge(text) => text.clone(),
            Self::Busy(text) | Self::Unavailable(text) | Self::TooSlow(text) => (*text).to_owned(),
            Self::Method => "send the request with POST".to_owned(),
            Self::Unknown => "only logs are taken here: LogsService/Export".to_owned(),
            Self::Conflict => {
                "the Idempotency-Key came with another body before; use a new key for a new request"
                    .to_owned()
            }
        }
    }

    /// As `google.rpc.Status`.
    pub(crate) fn status(&self) -> Status {
        Status { code: self.grpc().0, message: self.message(), retry_after: self.retry() }
    }
}
