//! ClickHouse over HTTP: a statement a request.
//!
//! Source: ClickHouse documentation, *HTTP interface*.

mod answer;
mod fault;
mod parameters;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use logmill_queue::{Class, QueueError};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use url::Url;

use crate::columns::quoted;

pub use answer::Answer;
pub(crate) use parameters::{Encoded, place};

/// Bytes of an answer that is kept as a whole.
const MAX_WHOLE: usize = 64 << 20;

/// What a user's profile may say otherwise, and would make answers that are wrong or look whole: sent with each statement. Answers are held
/// until they are whole, so that an error has a status of its own and is no part of the rows (docs/clickhouse-experiments.md).
const ALWAYS: [(&str, &str); 11] = [
    ("wait_end_of_query", "1"),
    ("buffer_size", "67108864"),
    ("send_progress_in_http_headers", "0"),
    ("http_write_exception_in_output_format", "0"),
    ("join_use_nulls", "0"),
    ("transform_null_in", "0"),
    ("final", "0"),
    ("skip_unavailable_shards", "0"),
    ("timeout_overflow_mode", "throw"),
    ("result_overflow_mode", "throw"),
    ("read_overflow_mode", "throw"),
];

/// An error, also of an answer whose status is 200.
const FAILED: &str = "x-clickhouse-exception-code";

/// Where ClickHouse is and who asks.
#[derive(Clone)]
pub struct ClickHouseConfig {
    /// Servers that have the same tables, at least one; who does not answer is passed over.
    pub urls: Vec<Url>,
    /// The database of the access logs.
    pub database: String,
    /// User.
    pub username: String,
    /// Password, possibly empty.
    pub password: String,
    /// From a statement to the end of its answer.
    pub timeout: Duration,
}

/// Without the password.
impl fmt::Debug for ClickHouseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<&str> = self.urls.iter().map(Url::as_str).collect();
        f.debug_struct("ClickHouseConfig")
            .field("urls", &urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A statement with what belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// The statement, and behind it what is inserted.
    body: Vec<u8>,
    /// Settings and parameters, as the URL has them.
    pairs: Vec<(String, String)>,
}

impl Statement {
    /// A statement without parameters, possibly with the bytes that it inserts behind it.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), pairs: Vec::new() }
    }

    /// With the value of `{name:Type}`. A text may hold anything: it is data and never a part of the statement.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((format!("param_{name}"), escaped(value)));
        self
    }

    /// With a setting of ClickHouse.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Values of parameters are read like those of a file of tab-separated values.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\0' => escaped.push_str("\\0"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The servers, tried in turn.
#[derive(Debug)]
pub struct ClickHouse {
    http: reqwest::Client,
    config: ClickHouseConfig,
    /// Whom to ask first: who answered last.
    first: AtomicUsize,
}

impl ClickHouse {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The system has no certificates to trust.
    pub fn new(config: ClickHouseConfig) -> Result<Self, QueueError> {
        let http = reqwest::Client::builder()
            .timeout(config.timeout)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("logmill")
            .build()
            .map_err(|error| QueueError::caused(Class::Bug, "the HTTP client of ClickHouse", error))?;
        Ok(Self { http, config, first: AtomicUsize::new(0) })
    }

    /// The database of the access logs.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.config.database
    }

    /// A table of this database, as statements name it.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.config.database), quoted(name))
    }

    /// Lets it do something whose answer does not matter.
    ///
    /// # Errors
    /// It did not, or nobody knows.
    pub async fn run(&self, statement: &Statement) -> Result<(), QueueError> {
        self.ask(statement).await?.whole(MAX_WHOLE).await.map(drop)
    }

    /// All rows of a small answer, by the names of its columns.
    ///
    /// # Errors
    /// There is none, or it is not what was asked for.
    pub async fn rows<T: DeserializeOwned>(&self, statement: &Statement) -> Result<Vec<T>, QueueError> {
        let mut statement = statement.clone();
        statement.body.extend_from_slice(b"\nFORMAT JSONEachRow");
        // Numbers of 64 bits are no numbers of JavaScript, but ours.
        let statement = statement.setting("output_format_json_quote_64bit_integers", "0");
        let body = self.ask(&statement).await?.whole(MAX_WHOLE).await?;
        let rows = serde_json::Deserializer::from_slice(&body).into_iter::<T>().collect::<Result<_, _>>();
        rows.map_err(|error| {
            QueueError::caused(Class::Corrupt, "ClickHouse answers otherwise than it was asked", error)
        })
    }

    /// The beginning of an answer of any size, in the format that the statement names.
    ///
    /// # Errors
    /// There is none.
    pub async fn ask(&self, statement: &Statement) -> Result<Answer, QueueError> {
        let servers = self.config.urls.len();
        let first = self.first.load(Ordering::Relaxed);
        let mut failed = QueueError::new(Class::Invalid, "no ClickHouse is named (courier.clickhouse.url)");
        for place in (first..first + servers).map(|place| place % servers.max(1)) {
            let Some(url) = self.config.urls.get(place) else { continue };
            match self.request(url, statement).send().await {
                Ok(response) => {
                    self.first.store(place, Ordering::Relaxed);
                    return self.accepted(url, response).await;
                }
                // Nothing has reached this one; everything else may have had its effect and is for the caller to decide.
                Err(error) if error.is_connect() => failed = unreachable(url, error),
                Err(error) => return Err(unreachable(url, error)),
            }
        }
        Err(failed)
    }

    fn request(&self, url: &Url, statement: &Statement) -> RequestBuilder {
        self.http
            .post(url.clone())
            .query(&ALWAYS)
            .query(&statement.pairs)
            .header("x-clickhouse-user", &self.config.username)
            .header("x-clickhouse-key", &self.config.password)
            .body(statement.body.clone())
    }

    async fn accepted(&self, url: &Url, response: Response) -> Result<Answer, QueueError> {
        if response.status().is_success() && !response.headers().contains_key(FAILED) {
            return Ok(Answer::new(url.clone(), response));
        }
        let status = response.status();
        let words = Answer::new(url.clone(), response).words().await;
        Err(fault::of(url, status, &words))
    }
}

fn unreachable(url: &Url, error: reqwest::Error) -> QueueError {
    QueueError::caused(Class::Unavailable, format!("ClickHouse at {url}"), error.without_url())
}
