//! OTLP/gRPC: `LogsService/Export`, a unary call over HTTP/2.
//!
//! Source: the gRPC protocol over HTTP/2. The message's bytes go to the queue as they are, so there is no codec that would build
//! it; what is left of gRPC is a prefix of five bytes and a few headers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use logmill_http::{coding, key, single};

use crate::door::{OtlpLogs, Wire};
use crate::fault::Fault;

const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const GRPC: &str = "application/grpc";
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const OK: HeaderValue = HeaderValue::from_static("0");
/// An empty `ExportLogsServiceResponse` behind its prefix: not compressed, no bytes.
const EMPTY: &[u8] = &[0; 5];

/// The service's one method; everything else is not implemented.
pub fn router(logs: Arc<OtlpLogs>) -> Router {
    Router::new().route(EXPORT, any(export)).fallback(unknown).with_state(logs)
}

async fn unknown() -> Response<Body> {
    refuse(&Fault::Unknown)
}

async fn export(State(logs): State<Arc<OtlpLogs>>, request: Request<Body>) -> Response<Body> {
    let (parts, mut body) = request.into_parts();
    if !is_grpc(&parts.headers) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let outcome = logs.take_grpc(&parts, &mut body).await;
    let name = outcome.as_ref().map_or_else(|fault| fault.grpc().1, |_| "OK");
    logs.metrics.count("grpc", name, *outcome.as_ref().unwrap_or(&0));
    match outcome {
        Ok(_) => accept(),
        Err(fault) => {
            if !matches!(fault, Fault::TooSlow(_)) {
                logs.intake.linger(&parts.headers, &mut body).await;
            }
            refuse(&fault)
        }
    }
}

impl OtlpLogs {
    async fn take_grpc(&self, parts: &Parts, body: &mut Body) -> Result<u32, Fault> {
        if parts.method != Method::POST {
            return Err(Fault::Method);
        }
        let (key, coding) = (key(&parts.headers)?, coding(&parts.headers, &ENCODING)?);
        let mut reservation = self.intake.begin()?;
        let received_at = self.world.clock().wall();
        let message = self.intake.read_message(body, coding, &mut reservation).await?;
        self.take(Wire::Protobuf, message, key.as_deref(), received_at).await
    }
}

/// Whether a call says that its messages are protobuf, which is what gRPC means if it says nothing.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = single(headers, &CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    matches!(value.split(';').next().unwrap_or_default().trim(), GRPC | "application/grpc+proto")
}

fn accept() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, OK);
    let message = Full::new(Bytes::from_static(EMPTY));
    let body = message.with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response
}

/// An answer that is only a status.
fn refuse(fault: &Fault) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert(STATUS, HeaderValue::from(fault.grpc().0));
    if let Ok(message) = HeaderValue::from_str(&percent(&fault.message())) {
        headers.insert(MESSAGE, message);
    }
    if let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(fault.status().to_protobuf())) {
        headers.insert(DETAILS, details);
    }
    if matches!(fault, Fault::Unsupported(_)) {
        headers.insert(ACCEPT, HeaderValue::from_static("identity,gzip,deflate,zstd"));
    }
    response
}

/// A status message as gRPC writes it: everything but visible ASCII and blanks as `%XX`.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..0x20 | 0x7f.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(char::from(byte)),
        }
    }
    out
}
