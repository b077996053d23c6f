//! What a caller is told when there is no answer.

use axum::body::Body;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::Refused;

/// Characters that are shown of what came.
const SHOWN: usize = 64;

/// A parameter that cannot be taken.
#[derive(Debug)]
pub(super) struct Wrong {
    parameter: String,
    /// What came, if a value did.
    value: Option<String>,
    what: &'static str,
    allowed: String,
}

impl Wrong {
    pub(super) fn unknown(name: &str, known: &[&str]) -> Self {
        let allowed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Self { parameter: shown(name), value: None, what: "is no parameter of this route", allowed }
    }

    pub(super) fn twice(name: &str) -> Self {
        let allowed = "each parameter once".to_owned();
        Self { parameter: name.to_owned(), value: None, what: "came twice", allowed }
    }

    pub(super) fn missing(name: &str, allowed: &str) -> Self {
        let allowed = allowed.to_owned();
        Self { parameter: name.to_owned(), value: None, what: "is missing", allowed }
    }

    pub(super) fn value(name: &str, value: &str, allowed: impl Into<String>) -> Self {
        let (parameter, value) = (name.to_owned(), Some(shown(value)));
        Self { parameter, value, what: "cannot be taken", allowed: allowed.into() }
    }

    fn detail(&self) -> String {
        let Self { parameter, value, what, allowed } = self;
        let came = value.as_ref().map(|value| format!(" `{value}`")).unwrap_or_default();
        format!("the parameter `{parameter}`{came} {what}; allowed: {allowed}")
    }

    fn members(self) -> Vec<(&'static str, Value)> {
        let value = self.value.map(|value| ("value", json!(value)));
        let named = [("parameter", json!(self.parameter)), ("allowed", json!(self.allowed))];
        named.into_iter().chain(value).collect()
    }
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Why a request gets no answer.
#[derive(Debug)]
pub(super) enum Problem {
    /// 400.
    Parameter(Wrong),
    /// 405.
    Method,
    /// 406, with what there is.
    NotAcceptable(String),
    /// 500: a mistake of ours.
    Failed,
    /// 503: others are being answered.
    Busy,
    /// 400 or 503.
    Refused(Refused),
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        Self::Parameter(wrong)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Parameter(_) | Self::Refused(Refused::TooLarge(_)) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy | Self::Refused(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The problem's name, its title, and what is wrong this time.
    fn words(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Parameter(wrong) => {
                ("invalid-parameter", "A parameter of the query is wrong", wrong.detail())
            }
            Self::Method => (
                "method-not-allowed",
                "Only GET and HEAD are allowed",
                "what is asked stands in the query".to_owned(),
            ),
            Self::NotAcceptable(offered) => (
                "not-acceptable",
                "The header `accept` allows nothing that there is",
                format!("there is {offered}"),
            ),
            Self::Failed => {
                ("failed", "The question could not be answered", "the log of the server says why".to_owned())
            }
            Self::Busy => (
                "too-many-questions",
                "Others are being answered",
                "there was no room within 5 s; repeat later".to_owned(),
            ),
            Self::Refused(Refused::TooLarge(detail)) => {
                ("answer-too-large", "The answer is too large", detail.clone())
            }
            Self::Refused(Refused::Behind(detail)) => {
                ("counting-anew", "The counts are being made anew", detail.clone())
            }
            Self::Refused(Refused::Unavailable(detail)) => {
                ("counts-unavailable", "The counts cannot be read now", detail.clone())
            }
        }
    }

    /// Seconds after which it is worth asking again.
    fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::Busy | Self::Refused(Refused::Unavailable(_)) => Some("1"),
            Self::Refused(Refused::Behind(_)) => Some("10"),
            _ => None,
        }
    }

    pub(super) fn respond(self) -> Response<Body> {
        let (status, (name, title, detail)) = (self.status(), self.words());
        let (retry_after, is_method) = (self.retry_after(), matches!(self, Self::Method));
        let more = if let Self::Parameter(wrong) = self { wrong.members() } else { Vec::new() };
        let mut response = logmill_http::Problem { name, status, title, detail, more }.respond();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if is_method {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
