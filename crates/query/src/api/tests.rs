use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use hyper::{HeaderMap, Request, StatusCode};
use logmill_world::World;
use serde_json::{Value, json};
use tower_service::Service;

use crate::config::Limits;
use crate::testing::{LIMITS, engine, hour, pairs};

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    /// Whether all of it came.
    whole: bool,
}

impl Got {
    fn problem(&self) -> (u16, String, String) {
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        let text = |member: &str| problem[member].as_str().unwrap().to_owned();
        (self.status.as_u16(), text("type").replace("urn:logmill:problem:", ""), text("detail"))
    }
}

fn routes(dir: &Path, limits: Limits) -> Router {
    super::router(World::real(), engine(dir, limits), Duration::from_secs(10))
}

async fn send(routes: &mut Router, request: Request<Body>) -> Got {
    let response = routes.call(request).await.unwrap();
    let (head, mut body) = response.into_parts();
    let (mut bytes, mut whole) = (Vec::new(), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend(frame.into_data().unwrap()),
            Err(_) => whole = false,
        }
    }
    Got {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        whole,
    }
}

async fn post(routes: &mut Router, headers: &[(&str, &str)], body: impl Into<Body>) -> Got {
    let mut request = Request::post("/api/v1/query");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(routes, request.body(body.into()).unwrap()).await
}

const SQL: (&str, &str) = ("content-type", "application/sql");

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_chosen_by_the_body_or_by_the_header() {
    let dir = tempfile::tempdir().unwrap();
    let mut routes = routes(dir.path(), LIMITS);
    let sql = "SELECT 1 AS a";
    let got = post(&mut routes, &[SQL], sql).await;
    assert_eq!(
        (got.status.as_u16(), &*got.text, &got.headers[CONTENT_TYPE]),
        (200, "[{\"a\":1}]\n", &"application/json".parse().unwrap())
    );
    for (accept, kind, text) in [
        ("text/csv", "text/csv", "a\n1\n"),
        ("application/x-ndjson", "application/x-ndjson", "{\"a\":1}\n"),
        ("*/*", "application/json", "[{\"a\":1}]\n"),
        ("text/*;q=0.5, application/json;q=0.1", "text/csv", "a\n1\n"),
        ("text/html, application/x-ndjson;q=0.9, */*;q=0.1", "application/x-ndjson", "{\"a\":1}\n"),
    ] {
        let got =
            post(&mut routes, &[("content-type", "text/plain; charset=utf-8"), ("accept", accept)], sql)
                .await;
        assert_eq!((got.headers[CONTENT_TYPE].to_str().unwrap(), &*got.text), (kind, text), "{accept}");
    }
    let body = json!({"sql": sql, "format": "csv"}).to_string();
    let got =
        post(&mut routes, &[("content-type", "application/json"), ("accept", "application/json")], body)
            .await;
    assert_eq!(
        (&*got.text, &got.headers["logmill-files"]),
        ("a\n1\n", &"matched=0, skipped=0".parse().unwrap())
    );
    let got = post(&mut routes, &[SQL, ("accept", "application/vnd.apache.arrow.stream")], sql).await;
    assert_eq!(got.headers[CONTENT_TYPE], "application/vnd.apache.arrow.stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_has_a_status_and_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut routes = routes(dir.path(), LIMITS);
    let json = ("content-type", "application/json");
    for (headers, body, status, name, part) in [
        (&[SQL][..], "SELECT * FROM log", 400, "invalid-statement", "did you mean `logs`?"),
        (&[SQL], "SELECT", 400, "invalid-statement", "cannot be read"),
        (&[SQL], "DROP TABLE logs", 400, "not-a-query", "DROP"),
        (&[SQL], "SELECT 1 / 0", 400, "invalid-statement", "zero"),
        (&[json], "{\"sql\":1}", 400, "invalid-body", "string"),
        (&[json], "{\"query\":\"SELECT 1\"}", 400, "invalid-body", "unknown field `query`"),
        (&[json], "{\"sql\":\"SELECT 1\",\"format\":\"xml\"}", 400, "invalid-format", "arrow"),
        (&[SQL, ("accept", "text/html")], "SELECT 1", 406, "not-acceptable", "text/csv"),
        (&[SQL, ("accept", "*/*;q=0")], "SELECT 1", 406, "not-acceptable", "text/csv"),
        (&[("content-type", "text/html")], "SELECT 1", 415, "unsupported-media-type", "application/sql"),
        (&[], "SELECT 1", 415, "unsupported-media-type", "application/sql"),
    ] {
        let got = post(&mut routes, headers, body).await;
        let (found, kind, detail) = got.problem();
        assert_eq!((found, &*kind), (status, name), "{body}: {detail}");
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let got = post(&mut routes, &[SQL], " ".repeat(200_000)).await;
    assert_eq!(got.problem().0, 413);
    let got = send(&mut routes, Request::get("/api/v1/query").body(Body::empty()).unwrap()).await;
    assert_eq!((got.problem().0, &got.headers[ALLOW]), (405, &"POST".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_before_the_first_bytes_is_a_status() {
    let dir = tempfile::tempdir().unwrap();
    let mut routes = routes(dir.path(), Limits { max_rows: 2, ..LIMITS });
    let got = post(&mut routes, &[SQL], "VALUES (1), (2), (3)").await;
    let (status, name, detail) = got.problem();
    assert_eq!((status, &*name), (422, "query-limit"));
    assert!(detail.contains("query.max_rows"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_in_its_middle_says_why_and_breaks_off() {
    let dir = tempfile::tempdir().unwrap();
    let line = |n: usize| {
        format!(
            "{{\"timestamp\":\"2025-12-28T06:00:00Z\",\"path\":\"/{n}\",\"userAgent\":\"{}\"}}\n",
            "x".repeat(100)
        )
    };
    hour(dir.path(), "2025-12-28/06.log.json", &(0..40_000).map(line).collect::<String>());
    let mut routes = routes(dir.path(), Limits { max_rows: 39_999, ..LIMITS });
    for (accept, begin, end) in [
        ("application/json", "[{", "}}\n"),
        ("application/x-ndjson", "{\"t", "}}\n"),
        ("text/csv", "timestamp,", "raise it\n"),
    ] {
        let got =
            post(&mut routes, &[SQL, ("accept", accept)], "SELECT timestamp, path, user_agent FROM web_logs")
                .await;
        assert_eq!((got.status.as_u16(), got.whole), (200, false), "{accept}");
        let last = got.text.lines().last().unwrap();
        assert!(last.contains("query.max_rows") && last.contains("39999"), "{accept}: {last}");
        assert!(got.text.starts_with(begin) && got.text.ends_with(end), "{accept}");
        assert!(got.text.lines().count() > 1000, "{accept}");
    }
    let got = post(&mut routes, &[SQL], "SELECT path FROM web_logs LIMIT 39999").await;
    assert!(got.whole && got.headers["logmill-files"] == "matched=1, skipped=0");
    assert_eq!(serde_json::from_str::<Vec<Value>>(&got.text).unwrap().len(), 39_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_all_turns_are_taken_is_told_to_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let mut routes = routes(dir.path(), Limits { concurrency: 1, max_rows: u64::MAX, ..LIMITS });
    let many = pairs("a.x AS a, b.x AS b");
    let request =
        Request::post("/api/v1/query").header(CONTENT_TYPE, "application/sql").header(ACCEPT, "text/csv");
    // Its answer is not read to the end, so that it keeps its turn.
    let first = routes.call(request.body(Body::from(many)).unwrap()).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let got = post(&mut routes, &[SQL], "SELECT 1").await;
    assert_eq!((got.problem().0, &*got.problem().1), (429, "too-many-queries"));
    assert_eq!(got.headers[RETRY_AFTER], "1");
    drop(first);
}
