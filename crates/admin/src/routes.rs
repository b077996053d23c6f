//! The paths of this room.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use prometheus::{Encoder, Registry, TextEncoder};
use serde_json::{Value, json};

use crate::ledger::Delivery;
use crate::metrics::{Figures, Tally};
use crate::ready::{self, Part};

/// What the endpoints answer from.
pub struct Admin {
    registry: Registry,
    figures: Figures,
    tallies: Vec<Tally>,
    parts: Vec<Part>,
    deliveries: Vec<Delivery>,
}

impl Admin {
    /// Registers the figures of `deliveries` beside what the registry holds already.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn new(
        registry: Registry,
        parts: Vec<Part>,
        deliveries: Vec<Delivery>,
        tallies: Vec<Tally>,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let figures = Figures::register(&registry)?;
        Ok(Arc::new(Self { registry, figures, tallies, parts, deliveries }))
    }
}

/// The routes.
pub fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { answer(StatusCode::OK, &json!({ "status": "alive" })) }))
        .route("/readyz", get(readyz))
        .route("/health", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/ledger", get(ledger))
        .with_state(admin)
}

fn answer(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{value:#}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response<Body> {
    let (ready, report) = ready::report(&admin.parts);
    answer(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &report)
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response<Body> {
    admin.figures.refresh(&admin.deliveries).await;
    admin.tallies.iter().for_each(Tally::refresh);
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&admin.registry.gather(), &mut text) {
        tracing::error!(%error, "the metrics cannot be written");
        return answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": "the metrics cannot be written" }),
        );
    }
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn ledger(State(admin): State<Arc<Admin>>) -> Response<Body> {
    let mut rows = Vec::with_capacity(admin.deliveries.len());
    for delivery in &admin.deliveries {
        rows.extend(delivery.row().await);
    }
    answer(StatusCode::OK, &json!({ "ledger": rows }))
}
