//! `POST /logs` from its headers to its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use logmill_http::{BatchId, Intake, hash_of};
use logmill_model::{Summary, validate};
use logmill_queue::{Append, Appended, Encoding, Header, Key, Queue, Route};
use logmill_world::World;

use crate::answer::{Problem, Receipt};
use crate::config::WebConfig;
use crate::metrics::WebMetrics;
use crate::request::Head;

/// Validating a larger body would keep an I/O thread from its other connections for too long.
const OFF_THREAD: usize = 256 * 1024;

/// Everything that the handler needs.
pub struct WebLogs {
    world: World,
    queue: Arc<dyn Queue>,
    config: WebConfig,
    intake: Arc<Intake>,
    metrics: WebMetrics,
}

impl WebLogs {
    /// A source that appends to `queue`.
    #[must_use]
    pub fn new(
        world: World,
        queue: Arc<dyn Queue>,
        intake: Arc<Intake>,
        config: WebConfig,
        metrics: WebMetrics,
    ) -> Arc<Self> {
        Arc::new(Self { world, queue, config, intake, metrics })
    }
}

/// The route `/logs`.
pub fn router(logs: Arc<WebLogs>) -> Router {
    Router::new().route("/logs", any(answer)).with_state(logs)
}

async fn answer(State(logs): State<Arc<WebLogs>>, request: Request<Body>) -> Response<Body> {
    let began = logs.world.clock().monotonic();
    let method = method_label(request.method());
    let (parts, mut body) = request.into_parts();
    let outcome = logs.take(&parts, &mut body).await;
    if outcome.as_ref().is_err_and(|problem| !matches!(problem, Problem::TooSlow(_))) {
        logs.intake.linger(&parts.headers, &mut body).await;
    }
    let took = logs.world.clock().monotonic().saturating_sub(began);
    logs.count(&outcome, method, took);
    match outcome {
        Ok(receipt) => receipt.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// A method as a label: what a sender makes up is not one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl WebLogs {
    async fn take(&self, parts: &Parts, body: &mut Body) -> Result<Receipt, Problem> {
        if parts.method != Method::POST {
            return Err(Problem::Method);
        }
        let head = Head::parse(&parts.headers, self.config.require_customer)?;
        let mut reservation = self.intake.begin()?;
        let received_at = self.world.clock().wall();
        let body = self.intake.read(body, head.coding, &mut reservation).await?;
        let summary = self.check(&head, &body).await?;
        self.store(head, body, summary, received_at).await
    }

    async fn check(&self, head: &Head, body: &Bytes) -> Result<Summary, Problem> {
        let (format, mode, limits) = (head.format, head.mode, self.config.limits);
        if body.len() < OFF_THREAD {
            return Ok(validate(format, body, &limits, mode)?);
        }
        let body = body.clone();
        let checked = tokio::task::spawn_blocking(move || validate(format, &body, &limits, mode)).await;
        match checked {
            Ok(summary) => Ok(summary?),
            Err(error) => {
                tracing::error!(%error, "validating a batch failed");
                Err(Problem::Request("the batch cannot be validated".to_owned()))
            }
        }
    }

    async fn store(
        &self,
        head: Head,
        body: Bytes,
        summary: Summary,
        received_at: i64,
    ) -> Result<Receipt, Problem> {
        let customer = head.customer.as_str();
        let id = BatchId::of(&self.world, &[b"web", customer.as_bytes()], head.key.as_deref());
        let batch_id = id.bytes;
        let accepted = summary.accepted;
        // A batch without records is nothing to store, nor to remember.
        if accepted == 0 && summary.rejected.is_empty() {
            return Ok(Receipt { accepted, duplicate: false, batch_id, errors: summary.errors });
        }
        let encoding = Encoding(head.format.code());
        let mut header = Header::new(encoding, summary.records, received_at);
        customer.clone_into(&mut header.customer);
        header.batch_id = batch_id;
        header.key = id.key.map(|hash| Key { hash, digest: hash_of(&[&[encoding.0], &body]) });
        header.span = summary.min.zip(summary.max).map(|(min, max)| (min.micros(), max.micros()));
        header.rejected = summary.rejected;
        let route = Route::Hash(id.route());
        let append = Append { topic: self.config.topic.clone(), route, header, payload: body };
        match self.queue.append(append).await? {
            Appended::New(_) | Appended::Undecided(_) => {
                Ok(Receipt { accepted, duplicate: false, batch_id, errors: summary.errors })
            }
            Appended::Duplicate { accepted, .. } => {
                Ok(Receipt { accepted, duplicate: true, batch_id, errors: Vec::new() })
            }
            Appended::Conflict => Err(Problem::KeyConflict),
        }
    }

    fn count(&self, outcome: &Result<Receipt, Problem>, method: &str, took: Duration) {
        let metrics = &self.metrics;
        let status = match outcome {
            Ok(receipt) if receipt.duplicate => {
                metrics.duplicates.inc();
                200
            }
            Ok(receipt) => {
                metrics.batches.inc();
                metrics.records.inc_by(u64::from(receipt.accepted));
                202
            }
            Err(problem) => {
                let status = problem.status().as_u16();
                if status == 429 || status >= 500 {
                    metrics.errors.inc()
                } else {
                    metrics.invalid.inc()
                }
                if let Problem::Unavailable(error) | Problem::Unknown(error) = problem {
                    tracing::error!(%error, "a batch was not stored");
                }
                status
            }
        };
        let status = status.to_string();
        metrics.durations.with_label_values(&["/logs", method, &status]).observe(took.as_secs_f64());
    }
}
