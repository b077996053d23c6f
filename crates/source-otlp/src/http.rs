//! OTLP/HTTP: `POST /v1/logs`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use hyper::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use logmill_http::{Unfit, coding, key, single};
use logmill_otlp::{SUCCESS_JSON, SUCCESS_PROTOBUF};

use crate::door::{OtlpLogs, Wire};
use crate::fault::Fault;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The route `/v1/logs`.
pub fn router(logs: Arc<OtlpLogs>) -> Router {
    Router::new().route("/v1/logs", any(answer)).with_state(logs)
}

async fn answer(State(logs): State<Arc<OtlpLogs>>, request: Request<Body>) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    let wire = wire(&parts.headers);
    let outcome = logs.take_http(&parts, wire.clone(), &mut body).await;
    if outcome.as_ref().is_err_and(|fault| !matches!(fault, Fault::TooSlow(_))) {
        logs.intake.linger(&parts.headers, &mut body).await;
    }
    // Who sent neither of the two can at least read JSON.
    let response = respond(&outcome, wire.unwrap_or(Wire::Json));
    logs.metrics.count("http", response.status().as_str(), outcome.unwrap_or(0));
    response
}

impl OtlpLogs {
    async fn take_http(
        &self,
        parts: &Parts,
        wire: Result<Wire, Unfit>,
        body: &mut Body,
    ) -> Result<u32, Fault> {
        if parts.method != Method::POST {
            return Err(Fault::Method);
        }
        let (wire, key) = (wire?, key(&parts.headers)?);
        let coding = coding(&parts.headers, &CONTENT_ENCODING)?;
        let mut reservation = self.intake.begin()?;
        let received_at = self.world.clock().wall();
        let body = self.intake.read(body, coding, &mut reservation).await?;
        self.take(wire, body, key.as_deref(), received_at).await
    }
}

/// The encoding of a request, and of its answer.
fn wire(headers: &HeaderMap) -> Result<Wire, Unfit> {
    let value = single(headers, &CONTENT_TYPE)?.unwrap_or_default();
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    match value.split(';').next().unwrap_or_default().trim() {
        PROTOBUF => Ok(Wire::Protobuf),
        JSON => Ok(Wire::Json),
        _ => Err(Unfit::Unsupported(format!("the content type must be {PROTOBUF} or {JSON}"))),
    }
}

fn respond(outcome: &Result<u32, Fault>, wire: Wire) -> Response<Body> {
    let body: Vec<u8> = match (outcome, wire) {
        (Ok(_), Wire::Protobuf) => SUCCESS_PROTOBUF.to_vec(),
        (Ok(_), Wire::Json) => SUCCESS_JSON.to_vec(),
        (Err(fault), Wire::Protobuf) => fault.status().to_protobuf(),
        (Err(fault), Wire::Json) => fault.status().to_json(),
    };
    let mut response = Response::new(Body::from(body));
    let kind = if wire == Wire::Json { JSON } else { PROTOBUF };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Err(fault) = outcome {
        *response.status_mut() = fault.http();
        let headers = response.headers_mut();
        if let Some(after) = fault.retry() {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        match fault {
            Fault::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
            // What is left of the body is not worth reading.
            Fault::TooSlow(_) => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
            _ => {}
        }
    }
    response
}
