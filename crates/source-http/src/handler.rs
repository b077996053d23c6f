//! `POST /logs` from its headers to its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use bytes::Bytes;
use hyper::header::EXPECT;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use logmill_model::{Summary, validate};
use logmill_queue::{Append, Appended, Encoding, Header, Key, Queue, Route};
use logmill_world::World;

use crate::answer::{Problem, Receipt};
use crate::body::{self, Terms};
use crate::budget::Budget;
use crate::config::WebConfig;
use crate::metrics::WebMetrics;
use crate::request::Head;

/// Validating a larger body would keep an I/O thread from its other connections for too long.
const OFF_THREAD: usize = 256 * 1024;

/// The rest of a refused body is read for at most so long before the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Everything that the handler needs.
pub struct WebLogs {
    world: World,
    queue: Arc<dyn Queue>,
    config: WebConfig,
    budget: Arc<Budget>,
    metrics: WebMetrics,
}

impl WebLogs {
    /// A source that appends to `queue`.
    #[must_use]
    pub fn new(world: World, queue: Arc<dyn Queue>, config: WebConfig, metrics: WebMetrics) -> Arc<Self> {
        let budget = Budget::new(
            world.clone(),
            metrics.in_flight.clone(),
            config.max_in_flight_bytes,
            config.max_in_flight_requests,
        );
        Arc::new(Self { world, queue, config, budget, metrics })
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
        logs.linger(&parts, &mut body).await;
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

fn hash_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

/// Marks an id as one of a UUID's versions (RFC 9562): 4 random, 8 made by our own rule.
fn as_uuid(mut id: [u8; 16], version: u8) -> [u8; 16] {
    if let Some(byte) = id.get_mut(6) {
        *byte = (*byte & 0x0f) | version << 4;
    }
    if let Some(byte) = id.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    id
}

impl WebLogs {
    async fn take(&self, parts: &Parts, body: &mut Body) -> Result<Receipt, Problem> {
        if parts.method != Method::POST {
            return Err(Problem::Method);
        }
        let head = Head::parse(&parts.headers, self.config.require_customer)?;
        let mut reservation = self.budget.begin().map_err(|_| {
            Problem::Busy(
                "the requests in flight are at their limit (limits.max_in_flight_requests); repeat later",
            )
        })?;
        let terms = Terms {
            world: &self.world,
            coding: head.coding,
            max_bytes: self.config.max_batch_bytes,
            timeout: self.config.body_timeout,
        };
        let received_at = self.world.clock().wall();
        let body = Bytes::from(terms.read(body, &mut reservation).await?);
        let summary = self.check(&head, &body).await?;
        self.store(head, body, summary, received_at).await
    }

    /// Reads what a client still sends of a body that was refused, for a while: a connection that is closed on it is
    /// reset, and the client never sees the answer.
    async fn linger(&self, parts: &Parts, body: &mut Body) {
        // Who asks before it sends has sent nothing, and reading would ask it to.
        if !parts.headers.contains_key(EXPECT) {
            let rest = body::discard(body, self.config.max_batch_bytes as u64);
            tokio::select! {
                () = rest => {}
                () = self.world.clock().sleep(LINGER) => {}
            }
        }
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
        let hash = head.key.as_ref().map(|key| hash_of(&[b"web", customer.as_bytes(), key.as_bytes()]));
        let batch_id = match hash {
            Some(hash) => as_uuid(hash, 8),
            None => as_uuid(self.world.random_id(), 4),
        };
        let accepted = summary.accepted;
        // A batch without records is nothing to store, nor to remember.
        if accepted == 0 && summary.rejected.is_empty() {
            return Ok(Receipt { accepted, duplicate: false, batch_id, errors: summary.errors });
        }
        let encoding = Encoding(head.format.code());
        let mut header = Header::new(encoding, summary.records, received_at);
        customer.clone_into(&mut header.customer);
        header.batch_id = batch_id;
        header.key = hash.map(|hash| Key { hash, digest: hash_of(&[&[encoding.0], &body]) });
        header.span = summary.min.zip(summary.max).map(|(min, max)| (min.micros(), max.micros()));
        header.rejected = summary.rejected;
        let route = Route::Hash(u64::from_le_bytes(*batch_id.first_chunk().unwrap_or(&[0; 8])));
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
