//! One request, one answer: time-out, limit, and the catalog's own words where it says no.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use logmill_queue::{Class, QueueError};
use logmill_world::World;
use reqwest::{Method, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::super::MAX_METADATA;
use super::access::{Access, Tokens};
use super::wire::Failure;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of a catalog's words.
const MAX_WORDS: usize = 1024;

pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    tokens: Tokens,
}

/// An answer, read to its end.
pub(super) struct Reply {
    pub status: u16,
    body: Bytes,
    place: String,
}

impl Client {
    pub(super) fn new(world: &World, base: Url, access: Access) -> Result<Self, QueueError> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("logmill")
            .build()
            .map_err(|error| {
                QueueError::caused(Class::Bug, "the HTTP client of the lake's catalog", error)
            })?;
        let tokens = Tokens::new(world, access);
        Ok(Self { http, base, tokens })
    }

    /// A URL below the catalog's; each part is encoded.
    pub(super) fn url(&self, parts: &[&str]) -> Result<Url, QueueError> {
        let mut url = self.base.clone();
        let invalid = || QueueError::new(Class::Invalid, format!("{} cannot have a path", self.base));
        url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(parts);
        Ok(url)
    }

    /// Asks and waits for the answer, whatever it is.
    ///
    /// # Errors
    /// There was none.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<Reply, QueueError> {
        let request = self.prepare(method, url, body).await?;
        self.send(request).await
    }

    /// All that happens before something reaches the catalog's tables; a token may be asked for.
    ///
    /// # Errors
    /// No token; nothing of the request was sent.
    pub(super) async fn prepare(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<Request, QueueError> {
        let place = url.to_string();
        let mut request = self.http.request(method, url);
        if let Some(token) = self.tokens.get(self).await? {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.build().map_err(|error| QueueError::caused(Class::Bug, place, error.without_url()))
    }

    /// Sends a request once and reads the answer.
    ///
    /// # Errors
    /// There was no answer, or it ended too early; the request may have had its effect.
    pub(super) async fn send(&self, request: Request) -> Result<Reply, QueueError> {
        let place = format!("{} {}", request.method(), request.url());
        let failed = |error: reqwest::Error| {
            QueueError::caused(
                Class::Unavailable,
                format!("the lake's catalog: {place}"),
                error.without_url(),
            )
        };
        let response = self.http.execute(request).await.map_err(failed)?;
        let status = response.status().as_u16();
        if status == 401 {
            self.tokens.forget().await;
        }
        let body = read(response).await.map_err(failed)?;
        let body = body.ok_or_else(|| {
            QueueError::new(Class::Corrupt, format!("{place} answers with more than {MAX_METADATA} bytes"))
        })?;
        Ok(Reply { status, body, place })
    }

    /// A form, without a token of our own; for the tokens' server.
    pub(super) async fn form(&self, url: Url, form: String) -> Result<Reply, QueueError> {
        let request =
            self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let request = request.build();
        let request = request
            .map_err(|error| QueueError::caused(Class::Bug, "a request for a token", error.without_url()))?;
        self.send(request).await
    }
}

/// The whole body; none if it is too long.
async fn read(mut response: Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if (body.len() + chunk.len()) as u64 > MAX_METADATA {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

impl Reply {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// It is none, or the body is not what the protocol says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, QueueError> {
        if !(200..300).contains(&self.status) {
            return Err(self.error());
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            QueueError::caused(Class::Corrupt, format!("the lake's catalog: {}", self.place), error)
        })
    }

    /// Whether something was made, or was there before.
    ///
    /// # Errors
    /// Neither.
    pub(super) fn done_or_there(&self) -> Result<(), QueueError> {
        if matches!(self.status, 200..=299 | 409) { Ok(()) } else { Err(self.error()) }
    }

    /// Whether the catalog itself says that there is no such thing; a proxy's 404 is an error.
    pub(super) fn is_absent(&self) -> bool {
        self.status == 404 && self.words().is_some()
    }

    /// The answer as an error that may pass: what is wrong outside can be put right outside.
    pub(super) fn error(&self) -> QueueError {
        let words = self.words().unwrap_or_else(|| plain(&String::from_utf8_lossy(&self.body)));
        let reason = format!("the lake's catalog: {} answers {}: {words}", self.place, self.status);
        QueueError::new(Class::Unavailable, reason)
    }

    /// What the catalog says, in the form that the protocol has for it.
    fn words(&self) -> Option<String> {
        let failure: Failure = serde_json::from_slice(&self.body).ok()?;
        Some(plain(&format!("{}: {}", failure.error.kind, failure.error.message)))
    }
}

/// Somebody else's words, short and without control characters.
fn plain(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}
