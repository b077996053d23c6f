//! From a question to the bytes on the way: who waits for whom, and what a caller has already.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::accept::Form;
use super::problem::Problem;
use super::{Api, PATIENCE, Windows};

/// An answer that is being sent. Its room is given back with the last piece of it, wherever that lies.
struct Sending {
    body: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Api {
    /// Lets `work` make a body on a thread that may block, and answers it or that the caller has it.
    pub(super) async fn answer<W>(
        &self,
        form: Form,
        headers: &HeaderMap,
        work: W,
    ) -> Result<Response<Body>, Problem>
    where
        W: FnOnce(&dyn Windows) -> Result<Vec<u8>, Problem> + Send + 'static,
    {
        let turn = self.room(&self.asking, 1).await?;
        let windows = self.windows.clone();
        // The turn ends with the work, also if nobody waits for it any more.
        let worked = tokio::task::spawn_blocking(move || {
            let body = work(&*windows)?;
            Ok((tag(&body), body, turn))
        });
        let (tag, body, turn) = worked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a question could not be answered");
            Err(Problem::Failed)
        })?;
        let has_it = knows(headers, &tag);
        let mut response = if has_it { not_modified() } else { self.send(form, body).await? };
        drop(turn);
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::from_str(&tag).map_err(|_| Problem::Failed)?);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    async fn send(&self, form: Form, body: Vec<u8>) -> Result<Response<Body>, Problem> {
        let kib = u32::try_from(body.len().div_ceil(1024)).unwrap_or(u32::MAX);
        let sending = Sending { _room: self.room(&self.sending, kib).await?, body };
        let mut response = Response::new(Body::from(Bytes::from_owner(sending)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        Ok(response)
    }

    async fn room(&self, of: &Arc<Semaphore>, permits: u32) -> Result<OwnedSemaphorePermit, Problem> {
        tokio::select! {
            biased;
            room = of.clone().acquire_many_owned(permits) => room.map_err(|_| Problem::Failed),
            () = self.world.clock().sleep(PATIENCE) => Err(Problem::Busy),
        }
    }
}

fn not_modified() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Marks an answer whose form follows from the header `accept`.
pub(super) fn varies_by_accept(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// A strong entity tag: equal bytes have equal tags, other bytes other ones.
fn tag(body: &[u8]) -> String {
    let hash = blake3::hash(body).to_hex();
    format!("\"{}\"", hash.get(..32).unwrap_or_default())
}

/// Whether `if-none-match` names the tag, or any (RFC 9110, section 13.1.2: compared without regard to `W/`).
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // No tag of ours has a comma; one of somebody else falls apart into pieces that are not ours either.
    values.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}
