//! What is asked, and how the answer is to come.

use axum::body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;

use super::problem::Problem;
use crate::format::Form;
use crate::statement::MAX_BYTES;

/// JSON can need more bytes than the statement in it.
const MAX_BODY: usize = 2 * MAX_BYTES;

/// The forms of an answer: what `format` calls them, and what headers do.
pub(super) const FORMS: [(&str, &str, Form); 4] = [
    ("json", "application/json", Form::Json),
    ("ndjson", "application/x-ndjson", Form::Ndjson),
    ("csv", "text/csv", Form::Csv),
    ("arrow", "application/vnd.apache.arrow.stream", Form::Arrow),
];

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) sql: String,
    pub(super) form: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InJson {
    sql: String,
    format: Option<String>,
}

pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Asked, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = match kind.as_str() {
        "application/json" => true,
        "application/sql" | "text/plain" => false,
        _ => return Err(Problem::MediaType),
    };
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::TooLarge(MAX_BODY)
        } else {
            Problem::Body(error.to_string())
        }
    })?;
    let body = body.to_bytes();
    if !is_json {
        let sql =
            std::str::from_utf8(&body).map_err(|error| Problem::Body(format!("it is no UTF-8: {error}")))?;
        return Ok(Asked { sql: sql.to_owned(), form: accepted(headers)? });
    }
    let asked: InJson = serde_json::from_slice(&body).map_err(|error| Problem::Body(error.to_string()))?;
    let form = match asked.format {
        Some(name) => named(&name)?,
        None => accepted(headers)?,
    };
    Ok(Asked { sql: asked.sql, form })
}

fn named(name: &str) -> Result<Form, Problem> {
    let found = FORMS.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, _, form)| *form).ok_or_else(|| Problem::Format(name.chars().take(64).collect()))
}

/// The form that the header `accept` likes best; of several the first of ours. Source: RFC 9110, 12.5.1.
fn accepted(headers: &HeaderMap) -> Result<Form, Problem> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, u32)> = values.flat_map(|value| value.split(',')).map(range).collect();
    if ranges.is_empty() {
        return Ok(Form::Json);
    }
    let liked = FORMS.iter().map(|(_, kind, form)| (liking(kind, &ranges), *form));
    let best = liked.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(liking, _)| *liking > 0).map(|(_, form)| form).ok_or(Problem::NotAcceptable)
}

/// A media range and how much it is liked, in thousandths.
fn range(text: &str) -> (String, u32) {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1.0), |text| text.parse::<f32>().ok());
    (kind, quality.map_or(0, |quality| (quality.clamp(0.0, 1.0) * 1000.0) as u32))
}

/// How much a kind is liked: by the range that names it most closely.
fn liking(kind: &str, ranges: &[(String, u32)]) -> u32 {
    let any = kind.split('/').next().map(|group| format!("{group}/*")).unwrap_or_default();
    let by = |name: &str| ranges.iter().find(|(range, _)| range == name).map(|(_, liking)| *liking);
    by(kind).or_else(|| by(&any)).or_else(|| by("*/*")).unwrap_or(0)
}
