//! What a caller is told when there is no answer.

use axum::body::Body;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::ask::FORMS;
use crate::error::QueryError;

/// Why a request gets no answer.
#[derive(Debug)]
pub(super) enum Problem {
    /// 400: the body.
    Body(String),
    /// 400: the member `format`.
    Format(String),
    /// 405.
    Method,
    /// 406.
    NotAcceptable,
    /// 408.
    TooSlow,
    /// 413.
    TooLarge(usize),
    /// 415.
    MediaType,
    /// What the engine says.
    Query(QueryError),
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

type Words = (StatusCode, &'static str, &'static str, String);

impl Problem {
    fn words(self) -> Words {
        let forms = || FORMS.map(|(name, kind, _)| format!("{name} ({kind})")).join(", ");
        match self {
            Self::Body(detail) => (StatusCode::BAD_REQUEST, "invalid-body", "The body cannot be read", detail),
            Self::Format(name) => (
                StatusCode::BAD_REQUEST,
                "invalid-format",
                "There is no such format",
                format!("`format` is `{name}`; there is {}", forms()),
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Only POST is allowed",
                "the statement stands in the body".to_owned(),
            ),
            Self::NotAcceptable => (
                StatusCode::NOT_ACCEPTABLE,
                "not-acceptable",
                "The header `accept` allows nothing that there is",
                format!("there is {}", forms()),
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "The body did not come in time",
                "it took longer than http.body_timeout".to_owned(),
            ),
            Self::TooLarge(limit) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too large",
                format!("at most {limit} bytes are taken"),
            ),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The content type is unknown",
                "`application/json` with {\"sql\": \"...\"}, or `application/sql` or `text/plain` with the statement"
                    .to_owned(),
            ),
            Self::Query(error) => query_words(&error),
        }
    }

    pub(super) fn respond(self) -> Response<Body> {
        let (is_busy, is_method) =
            (matches!(self, Self::Query(QueryError::Busy(_))), matches!(self, Self::Method));
        let away = matches!(self, Self::Query(QueryError::Unavailable(_)));
        let (status, name, title, detail) = self.words();
        let mut response = logmill_http::Problem { name, status, title, detail, more: Vec::new() }.respond();
        let headers = response.headers_mut();
        if is_busy || away {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(if is_busy { "1" } else { "10" }));
        }
        if is_method {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

/// Status, name and title of an error of the engine.
pub(super) fn query_words(error: &QueryError) -> Words {
    let (status, name, title) = match error {
        QueryError::Statement(_) => {
            (StatusCode::BAD_REQUEST, "invalid-statement", "The statement cannot be answered")
        }
        QueryError::NotAQuery(_) => (StatusCode::BAD_REQUEST, "not-a-query", "Only queries are answered"),
        QueryError::Limit { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "query-limit", "The query reached a limit")
        }
        QueryError::Busy(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "too-many-queries", "Others are being answered")
        }
        QueryError::Unavailable(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "rows-unavailable", "The rows cannot be read now")
        }
        QueryError::Failed(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "failed", "The query could not be answered")
        }
    };
    (status, name, title, error.to_string())
}
