//! Answers in JSON, and problem details (RFC 9457).

use axum::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer whose body is `value`, as the content type `kind`.
#[must_use]
pub fn respond(status: StatusCode, kind: &'static str, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Why a request is not done (RFC 9457).
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its type is `urn:logmill:problem:<name>`.
    pub name: &'static str,
    /// The status code.
    pub status: StatusCode,
    /// The same for each problem of this name at one route.
    pub title: &'static str,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// Further members, in this order behind the four above.
    pub more: Vec<(&'static str, Value)>,
}

impl Problem {
    /// The answer, as `application/problem+json`.
    #[must_use]
    pub fn respond(self) -> Response<Body> {
        let mut value = json!({
            "type": format!("urn:logmill:problem:{}", self.name),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        for (member, content) in self.more {
            value[member] = content;
        }
        respond(self.status, "application/problem+json", &value)
    }
}
