//! Questions over HTTP: parameters become a [`Question`], its [`Answer`] becomes JSON or CSV. docs/api.md says what callers see.

mod accept;
mod bounded;
mod csv;
pub(crate) mod json;
mod moment;
mod problem;
mod query;
mod send;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use hyper::{HeaderMap, Response, Uri};
use logmill_world::World;
use tokio::sync::Semaphore;

pub use self::moment::{parse as parse_time, write as write_time};

use self::accept::{Form, choose};
use self::bounded::bounded;
use self::problem::Problem;
use self::query::Hour;
use crate::question::{Answer, By, Question, Width, Window};

/// The largest body of an answer in bytes.
pub const MAX_ANSWER: usize = 16 << 20;

/// The most windows of an answer.
pub const MAX_WINDOWS: u64 = 1500;

/// Questions that are answered at once; each blocks a thread.
const AT_ONCE: usize = 4;

/// KiB of answers that are being sent, together: a caller that does not read keeps its answer in memory.
const SENDING: usize = 64 << 10;

/// A request waits so long for others.
const PATIENCE: Duration = Duration::from_secs(5);

/// A summary is asked again so often when a commit came between its two questions.
const TRIES: u32 = 3;

/// The document that describes the routes.
const OPENAPI: &str = include_str!("openapi.json");

/// Something that answers questions.
pub trait Windows: Send + Sync {
    /// Answers a question, from one state of the counts; a customer that nobody knows has no windows. Blocks; is called by
    /// four threads at most at once.
    ///
    /// # Errors
    /// [`Refused`] says what the caller can do. Keys that take much more than [`MAX_ANSWER`] have to be refused before they
    /// are in memory.
    fn answer(&self, question: &Question) -> Result<Answer, Refused>;
}

/// Why a question is not answered. The texts are shown to the caller.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The caller has to ask for less.
    #[error("{0}")]
    TooLarge(String),
    /// The counts are being made anew; the text says how far they are.
    #[error("{0}")]
    Behind(String),
    /// The counts cannot be read now.
    #[error("{0}")]
    Unavailable(String),
}

/// What the routes answer from.
pub struct Api {
    world: World,
    windows: Arc<dyn Windows>,
    max_keys: usize,
    asking: Arc<Semaphore>,
    sending: Arc<Semaphore>,
}

impl Api {
    /// Answers with at most `max_keys` keys a window (`aggregation.max_keys_per_window`).
    #[must_use]
    pub fn new(world: World, windows: Arc<dyn Windows>, max_keys: usize) -> Arc<Self> {
        let (asking, sending) = (Semaphore::new(AT_ONCE), Semaphore::new(SENDING));
        Arc::new(Self { world, windows, max_keys, asking: Arc::new(asking), sending: Arc::new(sending) })
    }
}

/// The routes `/analytics`, `/api/v1/analytics` and `/api/v1/openapi.json`.
pub fn router(api: Arc<Api>) -> Router {
    let refuse = || async { Problem::Method.respond() };
    Router::new()
        .route("/analytics", get(summary).fallback(refuse))
        .route("/api/v1/analytics", get(series).fallback(refuse))
        .route("/api/v1/openapi.json", get(openapi).fallback(refuse))
        .with_state(api)
}

async fn series(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    api.series(uri.query(), &headers).await.unwrap_or_else(Problem::respond)
}

async fn summary(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    api.summary(uri.query(), &headers).await.unwrap_or_else(Problem::respond)
}

async fn openapi(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    api.openapi(uri.query(), &headers).await.unwrap_or_else(Problem::respond)
}

impl Api {
    async fn series(&self, query: Option<&str>, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        let question = query::series(query, self.max_keys)?;
        let form = choose(headers, &[Form::Json, Form::Csv])?;
        let work = move |windows: &dyn Windows| {
            let answer = windows.answer(&question)?;
            bounded(|out| match form {
                Form::Json => json::series(out, &question, &answer),
                Form::Csv => csv::series(out, &answer),
            })
        };
        let answer = self.answer(form, headers, work).await;
        answer.map(send::varies_by_accept)
    }

    async fn summary(&self, query: Option<&str>, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        let hour = query::hour(query)?;
        let form = choose(headers, &[Form::Json])?;
        let max_keys = self.max_keys;
        self.answer(form, headers, move |windows| summarize(windows, &hour, max_keys)).await
    }

    async fn openapi(&self, query: Option<&str>, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
        query::none(query)?;
        let form = choose(headers, &[Form::Json])?;
        self.answer(form, headers, |_| Ok(OPENAPI.as_bytes().to_vec())).await
    }
}

/// The summary of an hour. Its two questions are two reads: a commit between them shows in total or revision.
fn summarize(windows: &dyn Windows, hour: &Hour, max_keys: usize) -> Result<Vec<u8>, Problem> {
    for _ in 0..TRIES {
        let paths = one(windows, hour, By::Path, max_keys)?;
        let agents = one(windows, hour, By::UserAgent, max_keys)?;
        if (paths.total, paths.revision) == (agents.total, agents.revision) {
            return bounded(|out| json::summary(out, &paths, &agents));
        }
    }
    Err(Refused::Unavailable("the hour changed each time while it was read; repeat".to_owned()).into())
}

/// The window of an hour; one of no records has revision 0, which no window has that was ever written.
fn one(windows: &dyn Windows, hour: &Hour, by: By, limit: usize) -> Result<Window, Refused> {
    let (customer, from, width) = (hour.customer.clone(), hour.start, Width::Hour);
    let answer =
        windows.answer(&Question { customer, from, to: from + width.seconds(), width, by, limit })?;
    let empty = Window {
        start: from,
        total: 0,
        counts: Vec::new(),
        other: 0,
        revision: 0,
        is_final: false,
        distinct: None,
    };
    Ok(answer.windows.into_iter().next().unwrap_or(empty))
}
