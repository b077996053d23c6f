//! From rows to the bytes on the way.
//!
//! What fits into the first piece is answered as a whole, so that errors which come early have a status of their own. A longer answer
//! that fails in its middle says why in its last line, and then the connection breaks: it is never taken for a whole one.

use std::io;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::json;

use super::ask::FORMS;
use super::problem::{Problem, query_words};
use crate::answer::Answer;
use crate::error::QueryError;
use crate::format::{Form, Writer};

/// Bytes that are gathered before anything is sent.
const FIRST: usize = 256 << 10;
/// How many files could hold what was asked for, and how many could not.
const FILES: HeaderName = HeaderName::from_static("logmill-files");

/// An answer on its way.
struct Sending {
    answer: Answer,
    form: Form,
    /// None when all is written.
    writer: Option<Writer>,
}

pub(super) async fn send(answer: Answer, form: Form) -> Result<Response<Body>, Problem> {
    let writer = Some(Writer::new(form, answer.schema())?);
    let mut sending = Sending { answer, form, writer };
    let mut first = BytesMut::new();
    while first.len() < FIRST
        && let Some(bytes) = sending.next().await?
    {
        first.extend_from_slice(&bytes);
    }
    let figures = sending.answer.figures();
    let files = format!("matched={}, skipped={}", figures.matched, figures.skipped);
    let body =
        if sending.writer.is_none() { Body::from(first.freeze()) } else { rest(sending, first.freeze()) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(form)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(files) = HeaderValue::from_str(&files) {
        headers.insert(FILES, files);
    }
    Ok(response)
}

fn content_type(form: Form) -> &'static str {
    FORMS.iter().find(|(_, _, known)| *known == form).map_or("application/octet-stream", |(_, kind, _)| kind)
}

/// What comes next on the way.
enum Next {
    First(Bytes, Sending),
    More(Sending),
    Broken,
    End,
}

fn rest(sending: Sending, first: Bytes) -> Body {
    Body::from_stream(stream::unfold(Next::First(first, sending), |next| async move {
        match next {
            Next::First(bytes, sending) => Some((Ok(bytes), Next::More(sending))),
            Next::More(mut sending) => match sending.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Next::More(sending))),
                Ok(None) => None,
                Err(error) => Some((Ok(last_line(sending.form, &error)), Next::Broken)),
            },
            Next::Broken => {
                // What was written before leaves only when nothing is ready to be written.
                tokio::task::yield_now().await;
                Some((Err(io::Error::other("the answer is not whole")), Next::End))
            }
            Next::End => None,
        }
    }))
}

impl Sending {
    /// The next bytes; none when all is written.
    async fn next(&mut self) -> Result<Option<Bytes>, QueryError> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        if let Some(rows) = self.answer.next().await? {
            return writer.rows(&rows).map(|bytes| Some(bytes.into()));
        }
        match self.writer.take() {
            Some(writer) => writer.end().map(|bytes| Some(bytes.into())),
            None => Ok(None),
        }
    }
}

/// Why an answer ends in its middle.
fn last_line(form: Form, error: &QueryError) -> Bytes {
    let (status, name, title, detail) = query_words(error);
    let problem = json!({"problem": {
        "type": format!("urn:logmill:problem:{name}"),
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    }});
    match form {
        Form::Json => format!(",\n{problem}\n"),
        Form::Ndjson => format!("{problem}\n"),
        Form::Csv | Form::Table => format!("# {detail}\n"),
        // Whoever reads Arrow finds no mark of the end.
        Form::Arrow => String::new(),
    }
    .into()
}
